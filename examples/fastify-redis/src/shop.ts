/** The shop is the same, with the same file of its own. */
export { openShop, orderFrom, type Shop } from "example-express-sqlite/shop";
