/** What is printed about Redis itself, as on Express. */
export { onError, onServer } from "example-express-redis/redis-log";
