/** For adapters of frameworks on Node's `http`. */
export { basePathOf } from "./base-path.js";
export { captureResponse } from "./node-capture.js";
export { admit, type NativeAdmission, type NativeRequest } from "./node-guard.js";
export { headersOf, readBody, unreadable } from "./node-request.js";
export { writeResponse } from "./node-response.js";
export { serve } from "./node-serve.js";
