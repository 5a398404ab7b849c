/** The same launch for people who use vLLM from Python. */
import type { Plan } from '../../shared/planAnswer';
import type { PlanRequest } from '../../shared/planRequest';
import { modelArgument } from './command';
import { launchOptions } from './options';

/** `LLM(…, disable_log_stats=True)` with the planned options: statistics are the server's, a library call has no one to read them. */
export function describePython(request: PlanRequest, plan: Plan): string {
  const keywords = [
    `model=${pythonLiteral(modelArgument(request))}`,
    ...launchOptions(request, plan).map(
      ({ flag, value }) => `${flag.slice(2).replaceAll('-', '_')}=${pythonLiteral(value)}`,
    ),
    'disable_log_stats=True',
  ];
  return ['from vllm import LLM', '', 'llm = LLM(', ...keywords.map((word) => `    ${word},`), ')']
    .join('\n')
    .concat('\n');
}

function pythonLiteral(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return String(value);
  // JSON's string escapes are a subset of Python's.
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(pythonLiteral).join(', ')}]`;
  const pairs = Object.entries(value as Record<string, unknown>);
  return `{${pairs.map(([key, inner]) => `${JSON.stringify(key)}: ${pythonLiteral(inner)}`).join(', ')}}`;
}
