/** Ids that package.json and code must agree on; a contract test compares them. */

export const COMMANDS = {
  deploy: 'vramPilot.deploy',
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
  saveProfile: 'vramPilot.saveProfile',
  deployProfile: 'vramPilot.deployProfile',
  deleteProfile: 'vramPilot.deleteProfile',
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
export const TASK_TYPE = 'vramPilot';
export const SETTINGS_SECTION = 'vramPilot';
export const CONTEXT_KEYS = {
  hasGpu: 'vramPilot.hasGpu',
  hasServers: 'vramPilot.hasServers',
} as const;
