import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { EdicusProjectId, NewDesign, renderedFileUrl } from "../../src/domain/Design.ts"

describe("Design", () => {
  it("AC-EDICUS-006 fills order and format into a URL, everywhere, literally", () => {
    const template = "https://files.example.com/{format}/{orderId}.{format}?o={orderId}&x=$&"
    assert.strictEqual(
      renderedFileUrl(template, { orderId: 42, format: "pdf" }),
      "https://files.example.com/pdf/42.pdf?o=42&x=$&"
    )
  })

  it("takes project ids as they come, but nothing that changes a path", () => {
    const isProject = Schema.is(EdicusProjectId)
    for (const id of ["-Lk3_x9Ab", "p.1", "a:b~c", "x".repeat(128)]) assert.isTrue(isProject(id), id)
    for (const id of ["", ".", "..", ".a", "a/b", "a b", "%2e", "ä", "x".repeat(129)]) assert.isFalse(isProject(id), id)
  })

  it("AC-EDICUS-003 takes any JSON object as design data, and only an object", () => {
    const isDesign = Schema.is(NewDesign)
    const design = (designData: unknown) => ({ productId: 1, editorSessionId: "s", designData })
    for (const data of [{}, { pages: [1, null, { a: [] }] }, { "": "" }]) assert.isTrue(isDesign(design(data)))
    for (const data of [null, [], "text", 1, true]) assert.isFalse(isDesign(design(data)))
  })
})
