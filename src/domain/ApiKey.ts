/** API keys as operators see them (specification, section 9, Auth). */
import { Schema } from "effect"
import { Instant } from "./Instant.ts"
import { name } from "./Text.ts"

/** core: core, options, events; shopby, mes, edicus: the endpoints of that name; admin: everything. */
export const ApiScope = Schema.Literals(["core", "shopby", "mes", "edicus", "admin"])
export type ApiScope = typeof ApiScope.Type

export const ApiKeyId = Schema.String.check(Schema.isPattern(/^key_[0-9A-HJKMNP-TV-Z]{26}$/)).pipe(
  Schema.brand("ApiKeyId")
)
export type ApiKeyId = typeof ApiKeyId.Type

/** Times are ISO-8601 UTC. */
export const ApiKey = Schema.Struct({
  id: ApiKeyId,
  name,
  scopes: Schema.Array(ApiScope),
  /** Null = never. */
  expiresAt: Schema.NullOr(Schema.String),
  createdAt: Schema.String,
  revokedAt: Schema.NullOr(Schema.String),
  /** To the minute; null = never. */
  lastUsedAt: Schema.NullOr(Schema.String)
})
export type ApiKey = typeof ApiKey.Type

/** Body of `POST /api-keys`. */
export const ApiKeyCreate = Schema.Struct({
  name,
  scopes: Schema.Array(ApiScope).check(Schema.isMinLength(1), Schema.isMaxLength(5)),
  /** ISO-8601 with a zone; null = never. */
  expiresAt: Schema.optionalKey(Schema.NullOr(Instant))
})
export type ApiKeyCreate = typeof ApiKeyCreate.Type
