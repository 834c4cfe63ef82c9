/** A second process of `growth.ts`: `growthWorker.ts PARTITIONS NAME…`; reads the number of events, says when it is done. */
import { createInterface } from "node:readline"
import * as GrowthHub from "../peers/GrowthHub.ts"

const [partitions, ...names] = process.argv.slice(2)
const hub = await GrowthHub.start({ schema: GrowthHub.schema, partitions: Number(partitions), fresh: false })
console.log("ready")
for await (const line of createInterface({ input: process.stdin })) {
  await hub.drain(names, Number(line))
  console.log("done")
}
await hub.close()
