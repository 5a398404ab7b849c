/**
 * The page in the hands of suites that run inside the extension host: each function of page.mjs by name. Only where
 * the window is the browser-hosted one; on desktop VS Code `hasPage` is false and such tests skip themselves.
 */
type CallPage = (name: string, ...args: unknown[]) => Promise<unknown>;

export interface TreeRow {
  readonly level: number;
  readonly text: string;
  readonly label: string;
  readonly expanded: boolean;
}

/** What page.mjs answers, by function. */
interface PageFunctions {
  runCommand(title: string): Promise<void>;
  pickEntries(): Promise<string[]>;
  pick(text: string): Promise<void>;
  typeInBox(text: string): Promise<void>;
  chooseFolder(folder: string, button: string): Promise<void>;
  press(...keys: string[]): Promise<void>;
  dialogText(): Promise<string>;
  clickDialogButton(label: string): Promise<void>;
  notifications(): Promise<string[]>;
  notification(text: string, button?: string): Promise<string>;
  statusBar(): Promise<{ id: string; text: string; label: string }[]>;
  gauge(
    text?: string,
    timeoutMs?: number,
  ): Promise<{ text: string; label: string; classes: string }>;
  clickGauge(): Promise<void>;
  gaugeHover(): Promise<string>;
  openSideBar(): Promise<void>;
  treeRows(view: string): Promise<TreeRow[]>;
  treeRow(view: string, text: string, timeoutMs?: number): Promise<string>;
  clickTreeRow(view: string, text: string): Promise<void>;
  treeAction(view: string, text: string, action: string): Promise<void>;
  welcomeText(view: string): Promise<string>;
  plannerReady(): Promise<void>;
  plannerText(testId: string): Promise<string>;
  plannerSays(
    testId: string,
    wanted: string,
    options?: { pattern?: boolean; timeoutMs?: number },
  ): Promise<string>;
  plannerCount(testId: string): Promise<number>;
  plannerValue(testId: string): Promise<string>;
  plannerAttribute(testId: string, name: string): Promise<string | null>;
  plannerClick(testId: string): Promise<void>;
  plannerPress(testId: string, ...keys: string[]): Promise<string>;
  plannerType(testId: string, text: string): Promise<void>;
  plannerFill(testId: string, text: string): Promise<void>;
  plannerHolds(testId: string, wanted: string, timeoutMs?: number): Promise<void>;
  plannerMarks(
    testId: string,
    name: string,
    wanted: string | null,
    timeoutMs?: number,
  ): Promise<void>;
  screenshot(name: string): Promise<string>;
  resize(width: number, height: number): Promise<void>;
  clipboard(): Promise<string>;
}

const callPage = (globalThis as { callTestPage?: CallPage }).callTestPage;

export const hasPage = callPage !== undefined;

export const onPage = new Proxy({} as PageFunctions, {
  get: (_, name: string) => {
    if (callPage === undefined) throw new Error('this window has no page that tests can reach');
    return (...args: unknown[]) => callPage(name, ...args);
  },
});
