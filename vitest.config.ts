import { availableParallelism } from "node:os"
import { join } from "node:path"
import { defineConfig } from "vitest/config"
import ClosingLine from "./scripts/ClosingLine.ts"

export default defineConfig({
  // The examples in docs import the hub by its package name, as another program does; here that means src.
  resolve: { alias: [{ find: /^integration-hub\/(.*)$/, replacement: join(import.meta.dirname, "src/$1.ts") }] },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/GlobalSetup.ts"],
    // Threads share the compiled WebAssembly of PGlite: tests of storage run about a fifth faster than in processes.
    pool: "threads",
    maxWorkers: Math.max(2, availableParallelism()),
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // What a test logs is shown when it fails.
    silent: "passed-only",
    reporters: ["default", new ClosingLine()]
  }
})
