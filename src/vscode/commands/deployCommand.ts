/** `Deploy Model…`: choose, see what it costs, start; and Deploy Anyway where something speaks against it. */
import * as vscode from 'vscode';
import type { App } from '../../app/app';
import { OPEN_TO_NETWORK, type DeployResult } from '../../app/launching/deploy';
import { MODEL_MISSING } from '../../app/ollama/ollamaServing';
import type { DeployOptions } from '../../app/servers/servers';
import type { PlanAnswer } from '../../shared/planAnswer';
import { formatCount, formatGib, formatPercent } from '../../shared/units';
import type { Wish } from '../../shared/wish';
import { sayFailure } from '../messages';
import { pickModel } from './modelPicker';

const VERDICT_WORDS = {
  fits: 'Fits',
  tight: 'Tight',
  doesNotFit: 'Does not fit',
  unknown: 'Not known whether it fits',
} as const;

/** From the palette. Resolves with the server's id, or null if cancelled or failed (which has then been said). */
export async function deployFromPalette(app: App, openPlanner: () => void): Promise<string | null> {
  if (!vscode.workspace.isTrusted) {
    await sayFailure('Deploy', {
      reason: 'notTrusted',
      detail: 'Servers start only in a trusted workspace.',
    });
    return null;
  }
  const chosen = await pickModel(app);
  if (!chosen) return null;
  const wish = await app.defaultWish(chosen.engine, chosen.model);
  app.setWish(wish, 'host');
  const prepared = await app.prepare(wish);
  if (!prepared.ok) {
    await sayFailure('Deploy', prepared.failure);
    return null;
  }
  const [problem] = prepared.value.problems;
  const go: vscode.QuickPickItem = {
    label: problem ? '$(warning) Deploy…' : '$(rocket) Deploy',
    description: summary(wish, prepared.value.answer),
    ...(problem ? { detail: problem.text } : {}),
  };
  const adjust: vscode.QuickPickItem = {
    label: '$(settings) Adjust in the Planner…',
    description: 'utilization, context, quantization',
  };
  const step = await vscode.window.showQuickPick([go, adjust], { title: chosen.model });
  if (step === adjust) openPlanner();
  return step === go ? deployWish(app, wish) : null;
}

/** Starts a wish; asks first where something speaks against it that is not accepted, and before it downloads. */
export async function deployWish(
  app: App,
  wish: Wish,
  options: DeployOptions = { force: false },
): Promise<string | null> {
  const result = await app.deploy(wish, options);
  if (result.ok) return result.id;
  if (result.problems.length === 0) {
    await sayFailure('Deploy', result.failure);
    return null;
  }
  if (result.problems.some(({ id }) => id === MODEL_MISSING))
    return (await confirmPull(result)) ? deployWish(app, wish, { ...options, pull: true }) : null;
  return (await confirmAnyway(result)) ? deployWish(app, wish, { ...options, force: true }) : null;
}

/** Without the model there is nothing to deploy anyway: it is downloaded, or nothing happens. */
async function confirmPull({ problems }: DeployResult & { ok: false }): Promise<boolean> {
  const pull = 'Pull';
  const [first, ...others] = [...problems].sort(
    (a, b) => Number(b.id === MODEL_MISSING) - Number(a.id === MODEL_MISSING),
  );
  const chosen = await vscode.window.showWarningMessage(
    first?.text ?? '',
    { modal: true, detail: others.map((problem) => `• ${problem.text}`).join('\n') },
    pull,
  );
  return chosen === pull;
}

export async function confirmAnyway(result: DeployResult & { ok: false }): Promise<boolean> {
  const anyway = 'Deploy Anyway';
  const chosen = await vscode.window.showWarningMessage(
    questionOf(result),
    { modal: true, detail: result.problems.map((problem) => `• ${problem.text}`).join('\n') },
    anyway,
  );
  return chosen === anyway;
}

/** The worst that speaks against it. */
function questionOf({ problems }: DeployResult & { ok: false }): string {
  const others = problems.filter(({ id }) => id !== OPEN_TO_NETWORK);
  if (others.length === 0) return 'Open this server to other machines?';
  return others.every(({ takesOllamas }) => takesOllamas)
    ? 'This launch takes memory that is kept for Ollama.'
    : 'This launch is likely to fail.';
}

function summary(wish: Wish, answer: PlanAnswer): string {
  const { utilization, kvCache, perGpu } = answer;
  const needed = perGpu.reduce((sum, gpu) => sum + (gpu.budgetBytes ?? 0), 0);
  return [
    VERDICT_WORDS[answer.verdict],
    utilization?.effective == null ? null : `${formatPercent(utilization.effective)} of the GPU`,
    needed > 0 ? formatGib(needed, 1) : null,
    kvCache.tokens === null ? null : `${formatCount(kvCache.tokens)} tokens of KV cache`,
    wish.options.maxModelLen == null ? null : `context ${formatCount(wish.options.maxModelLen)}`,
  ]
    .filter((part) => part !== null)
    .join(' · ');
}
