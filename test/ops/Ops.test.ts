/** The alert rules and the dashboard speak of metrics and labels that the hub has. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Metric, Schema } from "effect"
import { Yaml } from "effect/encoding"
import { PrometheusMetrics } from "effect/observability"
import { TestClock } from "effect/testing"
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as CallRecords from "../../src/services/observability/CallRecords.ts"
import * as ProviderServices from "../../src/services/providers/ProviderServices.ts"
import { CircuitBreakers } from "../../src/services/resilience/CircuitBreakers.ts"
import * as CircuitMonitor from "../../src/services/resilience/CircuitMonitor.ts"
import { broken, make as makeStub } from "../support/CallStub.ts"
import { embedded } from "../support/Databases.ts"

const root = join(import.meta.dirname, "../..")
const text = (path: string) => readFileSync(join(root, path), "utf8")

const Rules = Schema.Struct({
  groups: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      rules: Schema.Array(
        Schema.Struct({
          alert: Schema.String,
          expr: Schema.String,
          for: Schema.optionalKey(Schema.String),
          labels: Schema.Struct({ severity: Schema.Literals(["warning", "critical"]) }),
          annotations: Schema.Record(Schema.String, Schema.String)
        })
      )
    })
  )
})
const rules = Schema.decodeUnknownSync(Rules)(Yaml.parse(text("ops/prometheus/alerts.yml"))).groups.flatMap(
  (group) => group.rules
)

const Dashboard = Schema.fromJsonString(
  Schema.Struct({
    title: Schema.String,
    uid: Schema.String,
    panels: Schema.Array(
      Schema.Struct({
        id: Schema.Int,
        title: Schema.String,
        gridPos: Schema.Struct({ x: Schema.Int, y: Schema.Int, w: Schema.Int, h: Schema.Int }),
        targets: Schema.Array(Schema.Struct({ expr: Schema.String, legendFormat: Schema.String }))
      })
    ),
    templating: Schema.Struct({
      list: Schema.Array(Schema.Struct({ name: Schema.String, query: Schema.String }))
    })
  })
)
const dashboard = Schema.decodeUnknownSync(Dashboard)(text("ops/grafana/integration-hub.json"))

const expressions = [
  ...rules.map(({ expr }) => expr),
  ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ...dashboard.templating.list.map(({ query }) => /^label_values\((\w+),/.exec(query)?.[1] ?? "")
]

/** Words of the query language, and labels. */
const words = /\b(sum|max|min|avg|by|on|and|or|rate|increase|histogram_quantile)\b/g

/** The metrics that an expression asks for. */
const metricsIn = (expression: string): ReadonlyArray<string> =>
  expression
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]/g, " ")
    .replaceAll(/\b(by|on)\s*\([^)]*\)/g, " ")
    .replaceAll(words, " ")
    .match(/[a-z_][a-z0-9_]*/g) ?? []

/** Parts of a histogram. */
const withoutPart = (name: string) => name.replace(/_(bucket|sum|count)$/, "")

/** Every metric that the program makes. */
const made = new Set(
  globSync("src/**/*.ts", { cwd: root }).flatMap((file) =>
    [...text(file).matchAll(/Metric\.(?:counter|gauge|histogram|summary|frequency|timer)\(\s*"(\w+)"/g)].map(
      ([, name = ""]) => name
    )
  )
)

/** Metrics with their labels, after calls of every kind. */
const exported = Effect.gen(function* () {
  const { answers, find, provider } = yield* makeStub()
  yield* find("a")
  yield* find("a")
  yield* TestClock.adjust("6 minutes")
  yield* answers(broken)
  yield* find("a")
  yield* provider.breaker.forceOpen
  const isOpen = Effect.map(PrometheusMetrics.format(), (shown) => shown.includes("circuit_breaker_open{"))
  yield* Effect.repeat(Effect.andThen(Effect.yieldNow, isOpen), { until: (open) => open, times: 100 })
  const labels = new Map<string, Set<string>>()
  for (const line of (yield* PrometheusMetrics.format()).split("\n")) {
    const [, name, inside = ""] = /^(\w+)\{([^}]*)\} /.exec(line) ?? []
    if (name === undefined) continue
    const known = labels.get(name) ?? new Set()
    for (const [, label = ""] of inside.matchAll(/(\w+)="/g)) known.add(label)
    labels.set(name, known)
  }
  return labels
}).pipe(
  Effect.provide(
    CallRecords.layer({ queueSize: 1 }).pipe(
      Layer.provideMerge([CircuitMonitor.layer, ProviderServices.layerMemory]),
      Layer.provideMerge(CircuitBreakers.layer),
      Layer.provideMerge(embedded)
    )
  ),
  Effect.provideService(Metric.MetricRegistry, new Map())
)

describe("ops", () => {
  it("asks for metrics that the hub makes, and only for those", () => {
    const asked = expressions.flatMap(metricsIn).map(withoutPart)
    assert.isAbove(asked.length, 20)
    for (const name of asked) assert.isTrue(made.has(name), name)
    // Those of the specification are all looked at.
    for (const name of [
      "external_request_duration_seconds",
      "external_request_errors_total",
      "external_request_success_total",
      "circuit_breaker_open",
      "cache_hit_rate",
      "integration_provider_health",
      "stale_cache_usage_total"
    ]) {
      assert.include(asked, name)
    }
  })

  it.effect("asks for labels that the metrics have", () =>
    Effect.gen(function* () {
      const labels = yield* exported
      const seen = new Set<string>()
      for (const expression of expressions) {
        for (const [, name = "", inside = ""] of expression.matchAll(/(\w+)\{([^}]*)\}/g)) {
          const known = labels.get(name)
          if (known === undefined) continue
          seen.add(name)
          for (const [, label = ""] of inside.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)) {
            assert.isTrue(known.has(label), `${name}{${label}}`)
          }
        }
        for (const [, list = "", rest = ""] of expression.matchAll(/by \(([^)]*)\) \((.*)/g)) {
          const known = labels.get(metricsIn(rest)[0] ?? "")
          if (known === undefined) continue
          for (const label of list.split(",")) assert.isTrue(known.has(label.trim()), `${rest}: ${label}`)
        }
      }
      assert.isAtLeast(seen.size, 5)
    })
  )

  it("has the alerts of the specification", () => {
    const byName = new Map(rules.map((rule) => [rule.alert, rule]))
    const errorRate = byName.get("IntegrationErrorRateHigh")
    assert.include(errorRate?.expr ?? "", "> 0.10")
    assert.strictEqual(errorRate?.for, "5m")
    assert.include(byName.get("IntegrationCircuitOpen")?.expr ?? "", "circuit_breaker_open")
    assert.include(byName.get("IntegrationCacheHitRateLow")?.expr ?? "", "cache_hit_rate < 50")
    assert.strictEqual(byName.size, rules.length)
    for (const { annotations } of rules) assert.isNotEmpty(annotations.summary)
  })

  it("has a dashboard whose panels do not overlap", () => {
    const cells = new Set<string>()
    for (const { gridPos, title } of dashboard.panels) {
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          assert.isFalse(cells.has(`${x},${y}`), title)
          assert.isBelow(x, 24)
          cells.add(`${x},${y}`)
        }
      }
    }
    assert.strictEqual(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length)
  })
})
