/** A product and a piece of news of a made-up shop. */
import type { ShopListing } from "../../../src/domain/ShopListing.ts"
import type { OutboundStatus } from "../../../src/services/shop/ShopOrders.ts"

export const card: ShopListing = {
  managementCode: "10001",
  name: "명함",
  categoryNo: 77,
  salePrice: 9000,
  onSale: true,
  options: {
    name: "사이즈|용지",
    rows: [
      { value: "90x50|아트지", addPrice: 0, managementCode: "10001-100-a" },
      { value: "90x50|스노우지", addPrice: 1500, managementCode: "10001-100-b" }
    ]
  }
}

type News = Omit<OutboundStatus, "orderId" | "correlationId">

export const shipped = (news: Pick<News, "externalOrderId"> & Partial<News>): News => ({
  status: "DELIVERY_ING",
  shippingNos: null,
  trackingNumber: "T-1",
  carrier: "CJ",
  ...news
})
