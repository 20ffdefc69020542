/** The shop is the same: it knows nothing of a web framework. */
export { openShop, orderFrom, type Shop } from "example-express-sqlite/shop";
