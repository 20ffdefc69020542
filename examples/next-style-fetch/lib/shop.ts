/** What is paid for is fulfilled by the shop of express-sqlite, which has a file of its own too. */
import { withTrouble } from "example-express-sqlite/scenarios";
import { openShop } from "example-express-sqlite/shop";

export { orderFrom } from "example-express-sqlite/shop";
export const shop = withTrouble(openShop(process.env.SHOP_DB ?? "shop.db"));
