import type { CampaignHost, EngineMaker, Finding } from "tinykv/harness";

export interface ScenarioStage {
  readonly seed: string;
  readonly host: CampaignHost;
  readonly makeEngine: EngineMaker;
}

export interface Scenario {
  readonly name: string;
  run(stage: ScenarioStage): { readonly finding: Finding | undefined; readonly images: number };
}
