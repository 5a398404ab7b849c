/** Ids that package.json and code must agree on; a contract test compares them. */

export const COMMANDS = {
  deploy: 'vramPilot.deploy',
  getEngine: 'vramPilot.getEngine',
  openPlanner: 'vramPilot.openPlanner',
  stopServer: 'vramPilot.stopServer',
  forceStopServer: 'vramPilot.forceStopServer',
  restartServer: 'vramPilot.restartServer',
  stopAll: 'vramPilot.stopAll',
  startAll: 'vramPilot.startAll',
  adoptServer: 'vramPilot.adoptServer',
  cancelQueued: 'vramPilot.cancelQueued',
  putToSleep: 'vramPilot.putToSleep',
  wakeUp: 'vramPilot.wakeUp',
  cleanUp: 'vramPilot.cleanUp',
  explainLastFailure: 'vramPilot.explainLastFailure',
  startCorrected: 'vramPilot.startCorrected',
  stepUp: 'vramPilot.stepUp',
  planWorkers: 'vramPilot.planWorkers',
  copyLaunchCommand: 'vramPilot.copyLaunchCommand',
  copyEndpoint: 'vramPilot.copyEndpoint',
  copyCurl: 'vramPilot.copyCurl',
  sendTestPrompt: 'vramPilot.sendTestPrompt',
  runTestLoad: 'vramPilot.runTestLoad',
  copyApiKey: 'vramPilot.copyApiKey',
  showPlanReport: 'vramPilot.showPlanReport',
  saveProfile: 'vramPilot.saveProfile',
  deployProfile: 'vramPilot.deployProfile',
  deleteProfile: 'vramPilot.deleteProfile',
  openProfilesFile: 'vramPilot.openProfilesFile',
  showServerOutput: 'vramPilot.showServerOutput',
  removeServer: 'vramPilot.removeServer',
  showGpuReport: 'vramPilot.showGpuReport',
  exportDiagnostics: 'vramPilot.exportDiagnostics',
  showLearned: 'vramPilot.showLearned',
  forgetLearned: 'vramPilot.forgetLearned',
  refresh: 'vramPilot.refresh',
} as const;

export const VIEWS = {
  servers: 'vramPilot.servers',
  gpus: 'vramPilot.gpus',
  profiles: 'vramPilot.profiles',
} as const;

export const PANEL_TYPE = 'vramPilot.planner';
/** Documents of what servers printed, and of why they failed. */
export const OUTPUT_SCHEME = 'vram-pilot-output';
/** Reports that were made once, to be read. */
export const REPORT_SCHEME = 'vram-pilot-report';
export const TASK_TYPE = 'vramPilot';
export const SETTINGS_SECTION = 'vramPilot';
export const CONTEXT_KEYS = {
  /** The first looks at GPUs and engines are over: what is missing from now on is missing. */
  looked: 'vramPilot.looked',
  hasGpu: 'vramPilot.hasGpu',
  hasEngine: 'vramPilot.hasEngine',
  /** Models were looked for, and there is none. */
  lacksModels: 'vramPilot.lacksModels',
  hasServers: 'vramPilot.hasServers',
  /** Where this window works: `here`, `ssh`, `wsl` or `container`. */
  place: 'vramPilot.place',
  /** Steps of the walkthrough, reached in this window: a plan with facts, a ready server, an answer or its URL. */
  hasPlanned: 'vramPilot.hasPlanned',
  hasServed: 'vramPilot.hasServed',
  hasServedAnswer: 'vramPilot.hasServedAnswer',
} as const;
