/**
 * `Plan GPU Workers…`: with whose settings, then the analysis as a document that follows what Ollama does, then to new
 * terminals if so wished. What terminals were given stays until it is taken back, at most until the window reloads:
 * memory is planned for now.
 */
import * as vscode from 'vscode';
import { plannableGpus } from '../../app/planning/plannableGpus';
import type { App } from '../../app/app';
import { workersChoices, type WorkersChoice } from '../../app/planning/workersChoices';
import type { WorkersReport, WorkersWish } from '../../app/planning/workersReport';
import type { WorkerEnvironment } from '../../planner/workers';
import { formatGib } from '../../shared/units';
import { REPORT_SCHEME } from '../contributions';
import { showReport, updateReport } from '../documents/reportDocuments';

const TITLE = 'Plan GPU Workers';
const HAND_OVER = 'Hand Over to New Terminals';
const REMOVE = 'Remove from Terminals';
const DOCUMENT = 'GPU workers.txt';

type Item = vscode.QuickPickItem & { readonly choice?: WorkersChoice };

export interface WorkersCommand {
  /** @param argument `settings`: nothing is asked */
  plan(argument: unknown): Promise<void>;
  dispose(): void;
}

export function createWorkersCommand(
  app: App,
  variables: vscode.EnvironmentVariableCollection,
): WorkersCommand {
  variables.persistent = false;
  let wish: WorkersWish = { choice: { kind: 'settings' }, gpuIndex: null };
  let report: WorkersReport | null = null;

  const isHanded = () => variables.get('VRAM_PILOT_WORKERS') !== undefined;

  async function show(next: WorkersWish): Promise<void> {
    wish = next;
    report = await app.workersReport(wish);
    await showReport(DOCUMENT, textOf(report));
    const { environment } = report;
    if (environment === null || isSame(environment)) return;
    const chosen = await vscode.window.showInformationMessage(
      `${planWords(environment)}. Programs can read that from their environment.`,
      HAND_OVER,
    );
    if (chosen === HAND_OVER) handOver(environment);
  }

  async function planAgain(): Promise<void> {
    report = await app.workersReport(wish);
    update();
  }

  function update(): void {
    if (report) updateReport(DOCUMENT, textOf(report));
  }

  function handOver(environment: WorkerEnvironment): void {
    for (const [name, value] of Object.entries(environment)) variables.replace(name, value);
    variables.description = `GPU workers: ${planWords(environment)}. To take it back: ${TITLE}…, ${REMOVE}.`;
    app.log.info('workers', 'handed to terminals', { workers: environment.VRAM_PILOT_WORKERS });
    update();
  }

  function remove(): void {
    variables.clear();
    app.log.info('workers', 'removed from terminals');
    update();
  }

  const isSame = (environment: WorkerEnvironment): boolean =>
    Object.entries(environment).every(([name, value]) => variables.get(name)?.value === value);

  /** The analysis, what new terminals get, and whether that is still this plan. */
  function textOf({ text, environment }: WorkersReport): string {
    const given = [...variables].map(([name, { value }]) => `${name}=${value}`);
    if (given.length === 0) return text;
    const isOld = environment === null || !isSame(environment);
    const old = isOld ? ['That is of an earlier plan: plan again to hand this one over.'] : [];
    return `${[text.trimEnd(), '', 'New terminals get', ...given, ...old].join('\n')}\n`;
  }

  const unwatch = app.store.watch(
    (state) => state.coexistence,
    () => {
      const isOpen = vscode.workspace.textDocuments.some(
        ({ uri }) => uri.scheme === REPORT_SCHEME && uri.path === `/${DOCUMENT}`,
      );
      if (isOpen) void planAgain();
    },
  );

  return {
    async plan(argument) {
      if (argument === 'settings') return show({ choice: { kind: 'settings' }, gpuIndex: null });
      const chosen = await vscode.window.showQuickPick(itemsOf(app, isHanded()), {
        title: TITLE,
        placeHolder: 'How much to keep for Ollama',
        matchOnDescription: true,
      });
      if (!chosen) return;
      if (!chosen.choice) {
        remove();
        return;
      }
      const gpuIndex = await pickGpu(app);
      if (gpuIndex !== undefined) await show({ choice: chosen.choice, gpuIndex });
    },
    dispose: unwatch,
  };
}

/** `2 GPU workers × 4608 MiB`. */
function planWords(environment: WorkerEnvironment): string {
  const { VRAM_PILOT_WORKERS: count, VRAM_PILOT_DEVICE: device } = environment;
  const workers = `worker${count === '1' ? '' : 's'}`;
  return device === 'cpu'
    ? `${count} ${workers} on the CPU`
    : `${count} GPU ${workers} × ${environment.VRAM_PILOT_MIB_PER_WORKER} MiB`;
}

const heading = (label: string): Item => ({ label, kind: vscode.QuickPickItemKind.Separator });

function itemsOf(app: App, isHanded: boolean): readonly Item[] {
  return [
    ...workersChoices(app.store.state()).flatMap(([label, choices]) => [
      heading(label),
      ...choices,
    ]),
    ...(isHanded ? [heading('Terminals'), { label: REMOVE }] : []),
  ];
}

/** null: the only one. undefined: given up. */
async function pickGpu(app: App): Promise<number | null | undefined> {
  const gpus = plannableGpus(app.store.state().gpu.sample?.gpus ?? []);
  if (gpus.length < 2) return null;
  const items = gpus.map(({ index, name, freeBytes }) => ({
    label: `GPU ${String(index)}${name == null ? '' : `: ${name}`}`,
    description: `${formatGib(freeBytes ?? null, 1)} free`,
    index,
  }));
  return (await vscode.window.showQuickPick(items, { title: TITLE }))?.index;
}
