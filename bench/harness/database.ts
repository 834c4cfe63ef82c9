/** The PostgreSQL server that everybody works on: DATABASE_URL, or the one at 127.0.0.1:5432. */
import { Client, escapeIdentifier } from "pg"

export const databaseUrl = process.env["DATABASE_URL"] ?? "postgres://postgres@127.0.0.1:5432/test"

/** Connections that each contender may hold: what pools of this kind are given for a worker on a small machine. */
export const connections = 20

/** A schema of its own, dropped with everything in it. */
export const schemaOf = (contender: string) => `bench_${contender.replaceAll(/\W/g, "_")}_${process.pid}`

export const dropSchema = async (schema: string): Promise<void> => {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query(`drop schema if exists ${escapeIdentifier(schema)} cascade`)
  await client.end()
}
