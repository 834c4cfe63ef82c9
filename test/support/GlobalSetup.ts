/** Once per run, before the first test. */
import { emptyCluster } from "./EmptyCluster.ts"
import * as TestServer from "./TestServer.ts"

export default async (): Promise<void> => {
  const complaint = TestServer.complaint()
  if (complaint !== undefined) process.stdout.write(`${complaint}\n`)
  await emptyCluster()
}
