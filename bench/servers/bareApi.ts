/**
 * One route of the hub in a bare HttpApi server: the same path, the same service and database, the same answer, but no
 * authentication, checks, correlation, access log or problem documents.
 */
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Redacted, Schema } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { createServer } from "node:http"
import { ProductId } from "../../src/domain/Ids.ts"
import { Product } from "../../src/domain/Product.ts"
import { fromDigits } from "../../src/http/api/Queries.ts"
import { Products } from "../../src/services/catalog/Products.ts"
import * as Events from "../../src/services/events/Events.ts"
import * as DatabaseServer from "../../src/services/storage/DatabaseServer.ts"

const Bare = HttpApi.make("bare").add(
  HttpApiGroup.make("products").add(
    HttpApiEndpoint.get("get", "/api/v1/products/:id", {
      params: { id: fromDigits(ProductId) },
      success: Product,
      error: Schema.Struct({ message: Schema.String })
    }),
    HttpApiEndpoint.get("empty", "/empty", { success: Schema.Struct({ status: Schema.Literal("ok") }) })
  )
)

const layer = HttpApiBuilder.group(
  Bare,
  "products",
  Effect.fnUntraced(function* (handlers) {
    const products = yield* Products
    return handlers.handleAll({
      get: ({ params }) => products.get(params.id).pipe(Effect.mapError(({ _tag }) => ({ message: _tag }))),
      empty: () => Effect.succeed({ status: "ok" as const })
    })
  })
)

const say = Layer.effectDiscard(
  HttpServer.HttpServer.use(({ address }) => Console.log(`listening ${HttpServer.formatAddress(address)}`))
)

NodeRuntime.runMain(
  Layer.launch(
    say.pipe(
      Layer.provide(HttpRouter.serve(HttpApiBuilder.layer(Bare).pipe(Layer.provide(layer)), { disableLogger: true })),
      Layer.provide(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })),
      Layer.provide(Products.layer),
      Layer.provide(Events.layerSql),
      Layer.provide(DatabaseServer.layer({ url: Redacted.make(process.env["DATABASE_URL"] ?? "") }))
    )
  )
)
