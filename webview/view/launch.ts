/** The exact command, what it comes to in one line, and Deploy and Stop: always in reach at the foot of the page. */
import { formatCount, formatGib } from '../../src/shared/units';
import { commandGroups } from '../commandText';
import { plannedBytes } from '../memoryParts';
import { formatShare, tightestGpu } from '../scales';
import { engineNames, verdictIcons, verdictWords, words } from '../words';
import { button, setDisabled } from './button';
import { h, setAttribute, setHidden, setText } from './dom';
import type { Actions, PageModel, View } from './view';

export function commandView(actions: Actions): View {
  const code = h('code', {
    'data-testid': 'command',
    tabindex: '0',
    role: 'group',
    'aria-label': words.commandHeading,
  });
  const load = h('code', { class: 'then', 'data-testid': 'command-load' });
  let shown = '';
  const element = h(
    'section',
    { class: 'command' },
    h(
      'div',
      { class: 'section-head' },
      h('h3', {}, words.commandHeading),
      h('span', { class: 'spacer' }),
      h(
        'div',
        { class: 'links' },
        button(words.saveProfile, () => actions.open('saveProfile'), { kind: 'link' }),
        button(words.copy, () => actions.open('copyCommand'), { kind: 'link', testid: 'copy' }),
      ),
    ),
    h('pre', {}, code, load),
  );
  return {
    element,
    update({ priced }) {
      setHidden(element, priced === null);
      if (priced === null) return;
      const { load: sent } = priced;
      setHidden(load, sent === null);
      if (sent !== null) {
        setText(load, words.thenLoad(sent.method, sent.path, JSON.stringify(sent.body)));
      }
      const groups = commandGroups(priced.command);
      const text = groups.join(' ');
      if (text === shown) return;
      shown = text;
      code.replaceChildren(
        ...groups.flatMap((group, place) =>
          place === 0 ? [h('span', {}, group)] : [' ', h('span', {}, group)],
        ),
      );
    },
  };
}

export function launchBar(actions: Actions): View & { focus(): void } {
  let force = false;
  let serverId: string | null = null;
  const summary = h('p', { class: 'summary', 'data-testid': 'summary' });
  const reason = h('p', { class: 'help reason', 'data-testid': 'deploy-reason' });
  const trust = button(words.trust, () => actions.open('trust'), { kind: 'link', testid: 'trust' });
  const deploy = button(words.deploy, () => actions.launch(force), {
    testid: 'deploy',
    kind: 'primary',
    class: 'deploy',
  });
  const stop = button(
    words.stop,
    () => {
      if (serverId !== null) actions.stop(serverId);
    },
    { testid: 'stop' },
  );
  const element = h(
    'footer',
    { class: 'launch', 'aria-label': words.launchHeading },
    h('div', { class: 'launch-text' }, summary, h('div', { class: 'reason-row' }, reason, trust)),
    h('div', { class: 'buttons' }, stop, deploy),
  );
  return {
    element,
    focus: () => {
      deploy.focus();
    },
    update(page) {
      const verdict = page.priced?.plan.verdict ?? null;
      force = verdict === 'doesNotFit' || page.shortfall !== null;
      const blocked = blockedBecause(page);
      setText(summary, summarise(page));
      setHidden(trust, page.snapshot.trusted);
      setText(deploy, page.launching ? words.deploying : force ? words.deployAnyway : words.deploy);
      deploy.classList.toggle('caution', force);
      setDisabled(deploy, blocked !== null || page.launching);
      const running = page.snapshot.servers.filter(
        ({ phase }) => phase === 'starting' || phase === 'ready',
      );
      const own = running.at(-1) ?? null;
      serverId = own?.id ?? null;
      // how the launch goes, for whoever has scrolled the servers away
      setText(reason, blocked ?? (own === null ? '' : `${own.title} · ${own.detail}`));
      setDisabled(stop, own === null);
      setHidden(stop, own === null);
      setAttribute(stop, 'title', own === null ? null : words.stopServer(own.title));
    },
  };
}

function blockedBecause({ snapshot, state, invalidFields }: PageModel): string | null {
  if (!snapshot.trusted) return words.untrusted;
  if (state.wish.model === '') return words.noModelYet;
  return invalidFields.size > 0 ? words.fixFields : null;
}

/** "✓ Fits · Qwen/Qwen3-8B · vLLM · 0.70 · 8,192 tokens · 16.5 GiB": the live values, never fixed ones. */
function summarise({ state, priced }: PageModel): string {
  const { wish } = state;
  if (wish.model === '' || priced === null) return engineNames[wish.engine];
  const { plan } = priced;
  const gpu = tightestGpu(plan);
  const share = plan.utilization?.effective ?? null;
  const taken = gpu === null ? null : plannedBytes(gpu);
  return [
    `${verdictIcons[plan.verdict]} ${verdictWords[plan.verdict]}`,
    // of a folder in a cache the last part is a hash
    ((wish.engine === 'vllm' ? priced.request.model.name : null) ?? wish.model).split('/').at(-1) ??
      null,
    engineNames[wish.engine],
    wish.engine === 'vllm' && share !== null ? formatShare(share) : null,
    plan.kvCache.atLength === null ? null : `${formatCount(plan.kvCache.atLength)} tokens`,
    taken === null ? null : formatGib(taken, 1),
    wish.options.quantization ?? null,
  ]
    .filter((part) => part !== null)
    .join(' · ');
}
