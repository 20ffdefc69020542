/** Adds a product to the shop, so that an order of it no longer fails: `node --import tsx src/add-product.ts unicorn`. */
import { readConfig } from "./config.js";
import { addProduct } from "./shop.js";

const [sku] = process.argv.slice(2);
if (sku === undefined) throw new Error("usage: add-product.ts <sku>");
addProduct(readConfig().shopDatabase, sku);
console.log(`There is a product "${sku}" now.`);
