/**
 * Starts the hub. What Node compiles is kept in node_modules for the next start, which takes a fifth less time so; where
 * nothing can be written there it is compiled anew.
 */
import { enableCompileCache } from "node:module"
import { join } from "node:path"

enableCompileCache(join(import.meta.dirname, "../node_modules/.cache/compiled"))
// Only what is loaded from here on is kept.
await import("./start.ts")
