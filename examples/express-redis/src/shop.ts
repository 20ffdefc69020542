/** The shop is the same, with the same file of its own: only what Hooklatch keeps has moved. */
export { addProduct, openShop, orderFrom, type Shop } from "example-express-sqlite/shop";
