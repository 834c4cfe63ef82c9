/** Options and their choices. A choice of class material or process has its pending mapping from the moment it exists. */
import { Context, Effect, Layer, Schema } from "effect"
import { ChoiceId, OptionId } from "../../domain/Ids.ts"
import { type ChoiceCreate, OptionChoice, type OptionCreate, OptionDefinition } from "../../domain/Option.ts"
import type { Page, PageRequest } from "../../domain/Page.ts"
import { Database } from "../storage/Database.ts"
import { CatalogConflict, CatalogNotFound } from "./CatalogError.ts"
import { rowsOf, totalOf } from "./CatalogSql.ts"

export class Options extends Context.Service<
  Options,
  {
    /** In display order, each with all its choices. */
    readonly list: (page: PageRequest) => Effect.Effect<Page<OptionDefinition>>
    readonly create: (input: OptionCreate) => Effect.Effect<OptionDefinition, CatalogConflict>
    readonly addChoice: (
      id: OptionId,
      input: ChoiceCreate
    ) => Effect.Effect<OptionChoice, CatalogNotFound | CatalogConflict>
  }
>()("hub/services/catalog/Options") {
  static readonly layer = Layer.effect(
    Options,
    Effect.suspend(() => make)
  )
}

const { choices: _separate, ...ownFields } = OptionDefinition.fields
const definitions = rowsOf(ownFields)
const optionChoices = rowsOf(OptionChoice.fields)
const optionIds = rowsOf({ id: OptionId, optionClass: Schema.String })
const choiceIds = rowsOf({ id: ChoiceId })

const make = Effect.gen(function* () {
  const { sql, transaction } = yield* Database

  const choicesWhere = (where: ReturnType<typeof sql.and>) =>
    optionChoices(sql`
      select c.id, c.option_id as "optionId", c.code, c.name,
        case when m.choice_id is not null then jsonb_build_object(
          'status', m.mapping_status, 'type', m.mapping_type, 'mesCode', m.mes_code
        ) end as mapping
      from option_choices c left join option_choice_mes_mapping m on m.choice_id = c.id
      where ${where} order by c.display_order, c.id`)

  const list: Options["Service"]["list"] = Effect.fn("Options.list")(function* ({ limit, page }) {
    const total = yield* totalOf(sql`select count(*)::int as total from option_definitions`)
    const options = yield* definitions(sql`
      select id, key, name, option_class as "optionClass", part from option_definitions
      order by display_order, id limit ${limit} offset ${(page - 1) * limit}`)
    const choices = Map.groupBy(
      yield* choicesWhere(sql`c.option_id = any(${options.map((option) => option.id)}::integer[])`),
      (choice) => choice.optionId
    )
    return {
      data: options.map((option) => ({
        ...option,
        choices: (choices.get(option.id) ?? []).map(({ optionId: _, ...choice }) => choice)
      })),
      total
    }
  })

  const create: Options["Service"]["create"] = Effect.fn("Options.create")(function* ({ key, name, optionClass }) {
    const [option] = yield* definitions(sql`
      insert into option_definitions (key, name, option_class, display_order)
      select ${key}, ${name}, ${optionClass}, coalesce(max(display_order), 0) + 1 from option_definitions
      on conflict do nothing
      returning id, key, name, option_class as "optionClass", part`)
    if (option === undefined) return yield* new CatalogConflict({ path: "key", message: `option ${key} exists` })
    return { ...option, choices: [] }
  })

  const addChoice: Options["Service"]["addChoice"] = Effect.fn("Options.addChoice")(function* (id, { code, name }) {
    const [option] = yield* optionIds(
      sql`select id, option_class as "optionClass" from option_definitions where id = ${id} for share`
    )
    if (option === undefined) return yield* new CatalogNotFound({ resource: "option", id })
    const [inserted] = yield* choiceIds(sql`
      insert into option_choices (option_id, option_class, code, name, display_order)
      select ${id}, ${option.optionClass}, ${code}, ${name}, coalesce(max(display_order), 0) + 1
      from option_choices where option_id = ${id}
      on conflict do nothing
      returning id`)
    if (inserted === undefined) return yield* new CatalogConflict({ path: "code", message: `choice ${code} exists` })
    const [choice] = yield* choicesWhere(sql`c.id = ${inserted.id}`)
    return choice ?? (yield* Effect.die("a choice was not stored"))
  }, transaction)

  return Options.of({ list, create, addChoice })
})
