import type { CampaignHost, EngineMaker, Finding } from "tinykv/harness";

export interface ScenarioStage {
  readonly seed: string;
  readonly host: CampaignHost;
  readonly makeEngine: EngineMaker;
}

export interface Scenario {
  readonly name: string;
  /** Once, without a crash: what it comes by. */
  pass(stage: ScenarioStage): Promise<void>;
  /** Every crash of it. */
  run(stage: ScenarioStage): Promise<{ readonly finding: Finding | undefined; readonly images: number }>;
}
