/** The catalogue's services on a database, with the log that their events go to. */
import { Layer } from "effect"
import { CatalogImport } from "../../../src/services/catalog/CatalogImport.ts"
import { Categories } from "../../../src/services/catalog/Categories.ts"
import { MesItems } from "../../../src/services/catalog/MesItems.ts"
import { MesMappings } from "../../../src/services/catalog/MesMappings.ts"
import { Options } from "../../../src/services/catalog/Options.ts"
import { Products } from "../../../src/services/catalog/Products.ts"
import { EventBus } from "../../../src/services/events/EventBus.ts"
import { EventLog } from "../../../src/services/events/EventLog.ts"

export const catalogue = Layer.mergeAll(
  CatalogImport.layer,
  Categories.layer,
  MesItems.layer,
  MesMappings.layer,
  Options.layer,
  Products.layer
).pipe(Layer.provideMerge(EventBus.layer), Layer.provideMerge(EventLog.layerSql))

export const firstPage = { page: 1, limit: 100 }
