/**
 * Korean business registration numbers: ten digits, the last of which checks the others, so a slip of the pen is found
 * before anyone is asked.
 */
import { Schema, SchemaTransformation } from "effect"

const weights = [1, 3, 7, 1, 3, 7, 1, 3, 5] as const

/** The digit that must follow these nine. */
export const checkDigit = (nine: string): number => {
  const sum = weights.reduce((total, weight, index) => total + weight * Number(nine[index]), 0)
  return (10 - ((sum + Math.floor((5 * Number(nine[8])) / 10)) % 10)) % 10
}

/** Ten digits with the right check digit. */
export const BusinessNumber = Schema.String.check(
  Schema.isPattern(/^[1-9]\d{9}$/, { expected: "a business registration number of ten digits" }),
  Schema.makeFilter((value: string) => checkDigit(value) === Number(value[9]) || "a number with the right check digit")
).pipe(Schema.brand("BusinessNumber"))
export type BusinessNumber = typeof BusinessNumber.Type

/** As people write it: `124-81-00998` is `1248100998`. */
export const BusinessNumberFromText = Schema.String.pipe(
  Schema.decodeTo(
    BusinessNumber,
    SchemaTransformation.transform({
      decode: (value) => value.trim().replace(/[\s-]+/gu, ""),
      encode: (value) => value
    })
  )
)
