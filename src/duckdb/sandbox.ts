/**
 * Sandbox: native code is not bound by Deno's permissions, so these settings name the folders that DuckDB
 * may touch, and let it load nothing and take no further settings. The allow-list of functions that a
 * caller's SQL may call (`query_guard.ts` applies it) is closed: what a newer DuckDB brings is refused
 * until a line here names it. A test compares the lists with DuckDB's own.
 */

export const SANDBOX_SETTINGS = {
  autoinstall_known_extensions: "false",
  autoload_known_extensions: "false",
} as const;

/** Statements that close the sandbox: after them, SQL reads and writes there alone. */
export function sandboxStatements(folders: readonly string[], paths: readonly string[]): string {
  return `set allowed_directories = [${folders.map(literal).join(", ")}];
    set allowed_paths = [${paths.map(literal).join(", ")}];
    set enable_external_access = false;
    set lock_configuration = true`;
}

/** For settings and ATTACH, which take no bound values. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A path as a pattern that only it fits, for functions that take patterns in the place of paths. */
export function patternOf(path: string): string {
  return path.replaceAll(/[*?[]/g, "[$&]");
}

/** Operators, as DuckDB names them when it calls them. */
const OPERATORS =
  "!__postfix !~~ !~~* % & && * ** + - ->> / // <-> << <=> <@ >> @ @> ^ ^@ | || ~ ~~ ~~* ~~~";

const AGGREGATES = `
  any_value approx_count_distinct approx_quantile approx_top_k arbitrary arg_max arg_max_null
  arg_max_nulls_last arg_min arg_min_null arg_min_nulls_last argmax argmin array_agg avg bit_and
  bit_or bit_xor bitstring_agg bool_and bool_or corr count count_if count_star countif covar_pop
  covar_samp cume_dist dense_rank entropy favg fill first first_value fsum group_concat histogram
  histogram_exact kahan_sum kurtosis kurtosis_pop lag last last_value lead list listagg mad max
  max_by mean median min min_by mode nth_value ntile percent_rank product quantile quantile_cont
  quantile_disc rank rank_dense regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope
  regr_sxx regr_sxy regr_syy reservoir_quantile row_number sem skewness stddev stddev_pop
  stddev_samp string_agg sum sum_no_overflow sumkahan var_pop var_samp variance`;

const SCALARS = `
  abs acos acosh add age aggregate alias apply array_aggr array_aggregate array_apply array_cat
  array_concat array_contains array_cosine_distance array_cosine_similarity array_cross_product
  array_distance array_distinct array_dot_product array_extract array_filter array_grade_up
  array_has array_has_all array_has_any array_indexof array_inner_product array_intersect
  array_length array_negative_dot_product array_negative_inner_product array_position array_reduce
  array_resize array_reverse_sort array_select array_slice array_sort array_to_json
  array_transform array_unique array_value array_where array_zip ascii asin asinh atan atan2 atanh
  bar base64 bin bit_count bit_length bit_position bitstring can_cast_implicitly cardinality
  cast_to_type cbrt ceil ceiling century char_length character_length chr concat concat_ws
  contains cos cosh cot current_connection_id current_database current_date current_localtime
  current_localtimestamp current_query current_query_id current_schema current_schemas
  current_setting current_transaction_id damerau_levenshtein date_diff date_part date_sub
  date_trunc datediff datepart datesub datetrunc day dayname dayofmonth dayofweek dayofyear decade
  decode degrees divide editdist3 element_at encode ends_with enum_code enum_first enum_last
  enum_range enum_range_boundary epoch epoch_ms epoch_ns epoch_us equi_width_bins era error even
  exp factorial filter flatten floor format formatReadableDecimalSize formatReadableSize
  format_bytes from_base64 from_binary from_hex from_json from_json_strict gamma gcd
  gen_random_uuid generate_series get_bit get_current_time get_current_timestamp get_type
  getvariable grade_up greatest greatest_common_divisor hamming hash hex hour icu_sort_key
  ilike_escape in_search_path instr is_histogram_other_bin isfinite isinf isnan isodow isoyear
  jaccard jaro_similarity jaro_winkler_similarity json_array json_array_length json_contains
  json_deserialize_sql json_exists json_extract json_extract_path json_extract_path_text
  json_extract_string json_keys json_merge_patch json_object json_pretty json_quote
  json_serialize_sql json_structure json_transform json_transform_strict json_type json_valid
  json_value julian last_day lcase lcm least least_common_multiple left left_grapheme len length
  length_grapheme levenshtein lgamma like_escape list_aggr list_aggregate list_apply list_cat
  list_concat list_contains list_cosine_distance list_cosine_similarity list_distance
  list_distinct list_dot_product list_element list_extract list_filter list_grade_up list_has
  list_has_all list_has_any list_indexof list_inner_product list_intersect
  list_negative_dot_product list_negative_inner_product list_pack list_position list_reduce
  list_resize list_reverse_sort list_select list_slice list_sort list_transform list_unique
  list_value list_where list_zip ln log log10 log2 lower lpad ltrim make_date make_time
  make_timestamp make_timestamp_ms make_timestamp_ns make_timestamptz make_type map map_concat
  map_contains map_entries map_extract map_extract_value map_from_entries map_keys map_values md5
  md5_number microsecond millennium millisecond minute mismatches mod month monthname multiply
  nanosecond nextafter nfc_normalize normalized_interval not_ilike_escape not_like_escape now
  octet_length ord parse_dirname parse_dirpath parse_filename parse_formatted_bytes parse_path pi
  position pow power prefix printf quarter radians random range reduce regexp_escape
  regexp_extract regexp_extract_all regexp_full_match regexp_matches regexp_replace
  regexp_split_to_array remap_struct repeat replace replace_type reverse right right_grapheme
  round row row_to_json rpad rtrim second set_bit setseed sha1 sha256 sign signbit sin sinh split
  sqrt st_asbinary st_astext st_aswkb st_aswkt st_crs st_geomfromwkb st_intersects_extent
  st_setcrs starts_with str_split str_split_regex strftime string_split string_split_regex
  string_to_array strip_accents strlen strpos strptime struct_concat struct_contains
  struct_extract struct_extract_at struct_has struct_indexof struct_insert struct_keys struct_pack
  struct_position struct_update struct_values substr substring substring_grapheme subtract suffix
  switch tan tanh time_bucket timezone timezone_hour timezone_minute to_base to_base64 to_binary
  to_centuries to_days to_decades to_hex to_hours to_json to_microseconds to_millennia
  to_milliseconds to_minutes to_months to_quarters to_seconds to_timestamp to_weeks to_years today
  transaction_timestamp translate trim trunc try_strptime txid_current typeof ucase unbin unhex
  unicode union_extract union_tag union_value unpivot_list upper url_decode url_encode uuid
  uuid_extract_timestamp uuid_extract_version uuidv4 uuidv7 variant_extract variant_typeof version
  week weekday weekofyear xor year yearweek`;

/** DuckDB's own macros, which look like functions. */
const MACROS = `
  ago array_append array_pop_back array_pop_front array_prepend array_push_back array_push_front
  array_reverse array_to_string array_to_string_comma_default col_description current_catalog
  current_role current_user date_add days_in_month fdiv fmod format_pg_type format_type
  generate_subscripts geomean geometric_mean get_block_size has_any_column_privilege
  has_column_privilege has_database_privilege has_foreign_data_wrapper_privilege
  has_function_privilege has_language_privilege has_schema_privilege has_sequence_privilege
  has_server_privilege has_table_privilege has_tablespace_privilege inet_client_addr
  inet_client_port inet_server_addr inet_server_port json json_group_array json_group_object
  json_group_structure list_any_value list_append list_approx_count_distinct list_avg list_bit_and
  list_bit_or list_bit_xor list_bool_and list_bool_or list_count list_entropy list_first
  list_histogram list_kurtosis list_kurtosis_pop list_last list_mad list_max list_median list_min
  list_mode list_prepend list_product list_reverse list_sem list_skewness list_stddev_pop
  list_stddev_samp list_string_agg list_sum list_var_pop list_var_samp map_contains_entry
  map_contains_value map_to_pg_oid md5_number_lower md5_number_upper nullif obj_description
  pg_collation_is_visible pg_conf_load_time pg_conversion_is_visible pg_function_is_visible
  pg_get_constraintdef pg_get_expr pg_get_viewdef pg_has_role pg_is_other_temp_schema
  pg_my_temp_schema pg_opclass_is_visible pg_operator_is_visible pg_opfamily_is_visible
  pg_postmaster_start_time pg_size_pretty pg_table_is_visible pg_ts_config_is_visible
  pg_ts_dict_is_visible pg_ts_parser_is_visible pg_ts_template_is_visible pg_type_is_visible
  pg_typeof regexp_split_to_table round_even roundbankers session_user shobj_description
  split_part user wavg weighted_avg`;

/** What stands behind FROM is looked up by itself: the same name may be something else there. */
const TABLE_FUNCTIONS = `
  duckdb_approx_database_count duckdb_columns duckdb_connection_count duckdb_constraints
  duckdb_coordinate_systems duckdb_databases duckdb_dependencies duckdb_extensions
  duckdb_external_file_cache duckdb_functions duckdb_indexes duckdb_keywords duckdb_memory
  duckdb_optimizers duckdb_prepared_statements duckdb_schemas duckdb_sequences duckdb_settings
  duckdb_table_sample duckdb_tables duckdb_temporary_files duckdb_types duckdb_variables
  duckdb_views generate_series glob icu_calendar_names json_each json_tree parquet_bloom_probe
  parquet_file_metadata parquet_full_metadata parquet_kv_metadata parquet_metadata parquet_scan
  parquet_schema pg_timezone_names pragma_collations pragma_database_size pragma_metadata_info
  pragma_platform pragma_show pragma_storage_info pragma_table_info pragma_user_agent
  pragma_version range read_blob read_csv read_csv_auto read_json read_json_auto read_json_objects
  read_json_objects_auto read_ndjson read_ndjson_auto read_ndjson_objects read_parquet read_text
  repeat repeat_row sniff_csv summary unnest`;

/** What `pragma NAME` may ask, by the query that it stands for. */
export const PRAGMAS: Readonly<Record<string, string>> = {
  collations: "from pragma_collations",
  database_list: "from pragma_database_list",
  database_size: "from pragma_database_size",
  functions: "from duckdb_functions",
  metadata_info: "from pragma_metadata_info",
  platform: "from pragma_platform",
  show_databases: "show databases",
  show_tables: "show tables",
  show_tables_expanded: "show all tables",
  storage_info: "from pragma_storage_info",
  table_info: "from pragma_table_info",
  user_agent: "from pragma_user_agent",
  version: "from pragma_version",
};

/** What a query may not call, and why: what DuckDB has and the lists above leave out. */
const REFUSED: Readonly<Record<string, string>> = {
  "it writes files":
    `checkpoint disable_checkpoint_on_shutdown enable_checkpoint_on_shutdown enable_logging
    enable_profile enable_profiling force_checkpoint write_log`,
  "it changes settings": `add_parquet_key check_peg_parser disable_logging disable_object_cache
    disable_optimizer disable_peg_parser disable_print_progress_bar disable_profile
    disable_profiling disable_progress_bar disable_verification disable_verify_external
    disable_verify_fetch_row disable_verify_parallelism disable_verify_serializer
    enable_object_cache enable_optimizer enable_peg_parser enable_print_progress_bar
    enable_progress_bar enable_verification truncate_duckdb_logs verify_external verify_fetch_row
    verify_parallelism verify_serializer`,
  "it runs, or finds, by a text what this check cannot see": `histogram
    histogram_values import_database json_execute_serialized_sql json_serialize_plan query
    query_table show sql_auto_complete`,
  "it opens or copies a database": "copy_database read_duckdb",
  "an index has no sequences": "currval nextval",
  "it only waits": "pg_sleep sleep_ms",
  "nothing is logged or profiled here": `all_profiling_output duckdb_log_contexts duckdb_logs
    duckdb_logs_parsed duckdb_profiling_settings parse_duckdb_log_message`,
  "it is about secrets and extensions, and there are none": `duckdb_secret_types duckdb_secrets
    extension_versions which_secret`,
  "it is for DuckDB's own use": `arrow_scan arrow_scan_dumb combine constant_or_null
    create_sort_key finalize seq_scan stats test_all_types test_vector_types
    timetz_byte_comparable variant_bytes_to_variant variant_normalize
    variant_to_parquet_variant vector_type`,
};

/** The same for whole families: each name of theirs begins so. */
const REFUSED_FAMILIES: Readonly<Record<string, string>> = {
  "__internal_": "it is for DuckDB's own use",
  "icu_collate_": "say COLLATE instead",
};

export type CallPlace = "value" | "table";

const ALLOWED: Readonly<Record<CallPlace, ReadonlySet<string>>> = {
  // UNNEST makes rows wherever it stands.
  value: new Set([OPERATORS, AGGREGATES, SCALARS, MACROS, "unnest"].flatMap(words)),
  table: new Set(words(TABLE_FUNCTIONS)),
};

const REASONS = new Map(
  Object.entries(REFUSED).flatMap(([why, names]) => words(names).map((name) => [name, why])),
);

/** Whether a query may call what DuckDB finds under this name. */
export function isAllowedFunction(name: string, place: CallPlace): boolean {
  return ALLOWED[place].has(name.toLowerCase());
}

/** Why a query may not call it; undefined for what neither list names. */
export function reasonOfRefusal(name: string): string | undefined {
  const lower = name.toLowerCase();
  const family = Object.keys(REFUSED_FAMILIES).find((beginning) => lower.startsWith(beginning));
  return family === undefined ? REASONS.get(lower) : REFUSED_FAMILIES[family];
}

/** The names that may be meant by one that is on no list. */
export function allowedFunctions(place: CallPlace): string[] {
  return [...ALLOWED[place]].filter((name) => /^\w+$/.test(name));
}

/** Whether a query names a function of files: only then its connection may touch their folders. */
export function mayReadFiles(sql: string): boolean {
  return /\b(glob\b|parquet_|read_|sniff_csv)/i.test(sql);
}

function words(text: string): string[] {
  return text.trim().toLowerCase().split(/\s+/);
}
