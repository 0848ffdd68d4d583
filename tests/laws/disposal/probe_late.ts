/** What a bundler that splits code puts into a file of its own. */
export function late(make: (name: string) => Disposable & { use(): void }): void {
  using resource = make("late");
  resource.use();
}
