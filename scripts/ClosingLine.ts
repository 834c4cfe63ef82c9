/**
 * A vitest reporter that prints "N passed, N failed, N skipped" as the very last line of a run: CI reads it.
 *
 * A test file that cannot be loaded, a failing hook of a file and an error outside of any test count as one failure
 * each, so a run that did not pass never says "0 failed". Tests that an interruption kept from running are skipped ones.
 */
import { writeSync } from "node:fs"
import type { Reporter, TestModule } from "vitest/node"

export default class ClosingLine implements Reporter {
  private line = ""

  onInit() {
    // At exit, because vitest prints its own summary, and perhaps complaints about open handles, after onTestRunEnd.
    process.once("exit", () => {
      if (this.line !== "") writeSync(process.stdout.fd, this.line)
    })
  }

  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandledErrors: ReadonlyArray<unknown>) {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 }
    for (const module of modules) {
      for (const test of module.children.allTests()) count[test.result().state]++
      for (const suite of [module, ...module.children.allSuites()]) if (suite.errors().length > 0) count.failed++
    }
    this.line = `${count.passed} passed, ${count.failed} failed, ${count.skipped + count.pending} skipped\n`
  }
}
