/** Versions of run-time configuration in the database. Failures of SQL are defects. */
import { Effect, Schema } from "effect"
import type { SqlError } from "effect/sql"
import type { Page, PageRequest } from "../../domain/Page.ts"
import type { Database } from "../storage/Database.ts"
import { IsoFromDate } from "../storage/IsoFromDate.ts"
import { ConfigVersion, ConfigVersionNumber } from "./RuntimeSettings.ts"

/** A version as it is stored. */
export const StoredVersion = Schema.Struct({
  ...ConfigVersion.fields,
  /** Version of each secret that is set, by its name. */
  secrets: Schema.Record(Schema.String, Schema.Int)
})
export type StoredVersion = typeof StoredVersion.Type

export const make = ({ sql }: Database["Service"]) => {
  const columns = sql.literal(
    `version, overrides, secrets, changed_by as "changedBy", changed_at as "changedAt", restored`
  )
  const read = (statement: Effect.Effect<ReadonlyArray<unknown>, SqlError.SqlError>) =>
    Effect.orDie(Effect.flatMap(statement, decodeVersions))
  const first = (statement: Effect.Effect<ReadonlyArray<unknown>, SqlError.SqlError>) =>
    Effect.map(read(statement), ([row]) => row ?? null)

  const current = (integration: string) =>
    first(sql`
      select ${columns} from runtime_config_versions where integration = ${integration} order by version desc limit 1`)

  return {
    /** The newest version of each integration. */
    heads: Effect.orDie(
      Effect.flatMap(sql`select integration, version from runtime_configs where version > 0`, decodeHeads)
    ),
    /** Null = never changed. */
    current,
    version: (integration: string, version: number) =>
      first(sql`
        select ${columns} from runtime_config_versions
        where integration = ${integration} and version = ${version}::bigint`),
    /** Newest first. */
    list: Effect.fnUntraced(function* (
      integration: string,
      { limit, page }: PageRequest
    ): Effect.fn.Return<Page<StoredVersion>> {
      const [{ total }] = yield* Effect.orDie(
        Effect.flatMap(
          sql`select count(*)::int as total from runtime_config_versions where integration = ${integration}`,
          decodeTotal
        )
      )
      const data = yield* read(sql`
        select ${columns} from runtime_config_versions where integration = ${integration}
        order by version desc limit ${limit} offset ${(page - 1) * limit}::bigint`)
      return { data, total }
    }),
    /** The newest version, and nobody else adds one until the transaction ends. */
    lock: Effect.fnUntraced(function* (integration: string) {
      yield* Effect.orDie(
        sql`insert into runtime_configs (integration, version) values (${integration}, 0) on conflict do nothing`
      )
      yield* Effect.orDie(sql`select version from runtime_configs where integration = ${integration} for update`)
      return yield* current(integration)
    }),
    /** In the transaction that has the lock. */
    append: Effect.fnUntraced(function* (integration: string, row: StoredVersion) {
      yield* sql`
        insert into runtime_config_versions (integration, version, overrides, secrets, changed_by, changed_at, restored)
        values (
          ${integration}, ${row.version}, ${yield* encodeJson(row.overrides)}::jsonb, ${yield* encodeJson(row.secrets)}::jsonb,
          ${row.changedBy}, ${row.changedAt}::timestamptz, ${row.restored}::integer
        )`
      yield* sql`update runtime_configs set version = ${row.version} where integration = ${integration}`
    }, Effect.orDie)
  }
}

const decodeVersions = Schema.decodeUnknownEffect(
  Schema.Array(Schema.Struct({ ...StoredVersion.fields, changedAt: IsoFromDate }))
)
const decodeHeads = Schema.decodeUnknownEffect(
  Schema.Array(Schema.Struct({ integration: Schema.String, version: ConfigVersionNumber }))
)
const decodeTotal = Schema.decodeUnknownEffect(Schema.Tuple([Schema.Struct({ total: Schema.Int })]))
const encodeJson = Schema.encodeEffect(Schema.fromJsonString(Schema.Json))
