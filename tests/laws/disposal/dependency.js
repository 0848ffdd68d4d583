// As a package from elsewhere ships it: already made small, and with `using` in it.
export function fromElsewhere(make) {
  using a = make("small function");
  a.use();
  {
    using b = make("small block");
    b.use();
  }
}
export const lateFromElsewhere = async (make) => {
  await using a = make("small async");
  a.use();
};
