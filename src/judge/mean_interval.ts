/**
 * The mean of a sample, and a 95 % interval for the mean that it is a sample of, by Student's t: it holds
 * where the values are independent, and about normal or many.
 */

/** What a sample says of its mean. Of one value, no interval is known. */
interface MeanInterval {
  mean: number;
  /** Of a sample: with one less than its size below the line. */
  standard_deviation: number | null;
  low: number | null;
  high: number | null;
}

const PROBABILITY = 0.95;
/** The same quantile of the normal distribution. */
const NORMAL_QUANTILE = 1.959963984540054;
/** From so many degrees of freedom on, the expansion is exact to the last digits. */
const EXPANDED_FROM = 200;

/** The mean of some values, how far they spread, and its interval. */
export function meanInterval(values: readonly number[]): MeanInterval {
  const size = values.length;
  // Shares of each, so that no sum overflows; the second pass takes out what rounding left.
  const about = values.reduce((sum, value) => sum + value / size, 0);
  const mean = about + values.reduce((sum, value) => sum + (value - about) / size, 0);
  if (size < 2) return { mean, standard_deviation: null, low: null, high: null };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2 / (size - 1), 0);
  const standard_deviation = Math.sqrt(variance);
  const half = studentQuantile(size - 1) * standard_deviation / Math.sqrt(size);
  return { mean, standard_deviation, low: mean - half, high: mean + half };
}

/** The t that a Student variable stays within with 95 % probability, for whole degrees of freedom. */
export function studentQuantile(degrees: number): number {
  if (degrees >= EXPANDED_FROM) return expandedQuantile(degrees);
  let [low, high] = [0, 16];
  while (true) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle;
    if (centralProbability(middle, degrees) < PROBABILITY) low = middle;
    else high = middle;
  }
}

/** The probability that |t| is at most `limit`: for whole degrees of freedom a finite sum. */
function centralProbability(limit: number, degrees: number): number {
  const angle = Math.atan(limit / Math.sqrt(degrees));
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const is_odd = degrees % 2 === 1;
  let term = is_odd ? cosine : 1;
  let sum = 0;
  for (let power = is_odd ? 1 : 0; power <= degrees - 2; power += 2) {
    sum += term;
    term *= cosine ** 2 * (power + 1) / (power + 2);
  }
  return is_odd ? 2 / Math.PI * (angle + sine * sum) : sine * sum;
}

/** Cornish and Fisher's expansion about the normal quantile, in powers of 1 / degrees. */
function expandedQuantile(degrees: number): number {
  const z = NORMAL_QUANTILE;
  const terms = [
    z,
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
    (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92160,
  ];
  return terms.reduce((sum, term, power) => sum + term / degrees ** power, 0);
}
