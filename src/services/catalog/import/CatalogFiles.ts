/** The files of a catalogue export, in the order of their references. The last one is optional. */
import type { AnyFileImport } from "./FileImport.ts"
import { mesItemOptions, mesItems, productMesMapping } from "./MesFiles.ts"
import { choiceMappings, optionChoices, optionDefinitions, productOptionChoices } from "./OptionFiles.ts"
import { fixedPrices, productEditorMapping, productSizes } from "./ProductDetailFiles.ts"
import { categories, products } from "./ProductFiles.ts"

export const requiredFiles: ReadonlyArray<AnyFileImport> = [
  categories,
  products,
  productSizes,
  fixedPrices,
  optionDefinitions,
  optionChoices,
  productOptionChoices,
  mesItems,
  mesItemOptions,
  productMesMapping,
  productEditorMapping
]

export const catalogFiles: ReadonlyArray<AnyFileImport> = [...requiredFiles, choiceMappings]
