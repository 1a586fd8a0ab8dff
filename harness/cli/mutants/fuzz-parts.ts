// What a hunt needs of the fuzzers, to be loaded when it comes to them.

export { Campaign } from "../../../fuzz/campaign.ts";
export { firstInputs } from "../../../fuzz/findings.ts";
export { TARGETS } from "../../../fuzz/targets.ts";
