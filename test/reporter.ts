import mocha from 'mocha';

/** The spec reporter, and after its summary one plain line for programs that read the log: `N passed, N failed`. */
export default class Reporter extends mocha.reporters.Spec {
  override epilogue(): void {
    super.epilogue();
    console.log(`${this.stats.passes} passed, ${this.stats.failures} failed`);
  }
}
