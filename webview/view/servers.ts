/** What runs now besides the GPU's own figures: a line per server, and beneath it only what is to be done about it. */
import type { ServerRow } from '../../src/shared/protocol';
import { words } from '../words';
import { button, setSpoken } from './button';
import {
  h,
  presence,
  rowKeeper,
  setAttribute,
  setHidden,
  setText,
  setVariable,
  type Row,
} from './dom';
import { foldable, setOpen } from './fields';
import { offerView } from './offeredLaunch';
import type { Actions, View } from './view';

/** What lives comes first; more rows than this are folded away, so that the form stays in sight. */
const SHOWN = 4;

const phaseIcons: Readonly<Record<ServerRow['phase'], string>> = {
  starting: '◌',
  ready: '●',
  stopping: '◍',
  ended: '○',
  lost: '?',
};

const FAILED_ICON = '✕';

type Phases = readonly ServerRow['phase'][];
const ready: Phases = ['ready'];
const ended: Phases = ['ended'];
const always: Phases = ['starting', 'ready', 'stopping', 'ended', 'lost'];

function serverRow(actions: Actions, { id }: ServerRow): Row<ServerRow> {
  const icon = h('span', { class: 'phase-icon', 'aria-hidden': 'true' });
  const title = h('strong', {});
  const detail = h('span', { class: 'server-detail help' });
  const use = h('span', { class: 'figure' });
  const fill = h('div', { class: 'meter-fill' });
  const fillText = h('span', { class: 'figure' });
  const pool = h(
    'span',
    { class: 'pool-fill' },
    h('span', { class: 'meter', 'aria-hidden': 'true' }, fill),
    fillText,
  );
  const giveBack = h('p', { class: 'help sentence-case', 'data-testid': 'pool' });
  const notes = h('p', { class: 'help', 'data-testid': 'failure' });
  const correction = offerView(
    { heading: words.correctedHeading, button: words.startCorrected, testid: 'start-corrected' },
    () => actions.launchCorrected(id),
  );
  const stepUp = offerView(
    { heading: words.stepUpHeading, button: words.stepUp, testid: 'step-up' },
    () => actions.stepUp(id),
  );
  const link = (text: string, target: Parameters<Actions['open']>[0], phases: Phases) => ({
    text,
    phases,
    element: button(text, () => actions.open(target, id), {
      kind: 'link',
      testid: `${target}-${id}`,
    }),
  });
  const links = [
    link(words.testPrompt, 'sendTestPrompt', ready),
    link(words.copyUrl, 'copyEndpoint', ready),
    link(words.copyCurl, 'copyCurl', ready),
    link(words.terminal, 'terminal', always),
    link(words.dismiss, 'removeServer', ended),
  ];
  const explain = button(words.explain, () => actions.open('explain', id), { kind: 'link' });
  const stop = button(words.stop, () => actions.stop(id), { testid: `stop-${id}` });
  const element = h(
    'li',
    { class: 'server', 'data-testid': `server-${id}` },
    h(
      'div',
      { class: 'server-line' },
      icon,
      title,
      detail,
      use,
      pool,
      h('div', { class: 'buttons' }, explain, ...links.map((one) => one.element), stop),
    ),
    giveBack,
    notes,
    correction.element,
    stepUp.element,
  );
  return {
    element,
    update(server) {
      const { phase, kvUse = null, failure = null } = server;
      element.dataset.phase = phase;
      const failed = server.failed === true || failure !== null;
      element.classList.toggle('failed', failed);
      setText(icon, failed ? FAILED_ICON : phaseIcons[phase]);
      setText(title, server.title);
      setAttribute(title, 'title', server.title);
      setText(detail, server.detail);
      setAttribute(detail, 'title', server.detail);
      setText(use, words.serverUse(server.usedBytes, server.plannedBytes ?? null));
      setHidden(use, phase === 'ended');
      setHidden(pool, kvUse === null || phase !== 'ready');
      if (kvUse !== null) {
        setVariable(fill, '--part', kvUse);
        setText(fillText, words.poolFill(kvUse));
      }
      setText(giveBack, server.pool ?? '');
      setHidden(giveBack, server.pool == null);
      const said = failure ? [...failure.culprits, failure.reason ?? ''].join(' ').trim() : '';
      setText(notes, said);
      setHidden(notes, said === '');
      correction.update(failure?.correction ?? null, words.startCorrectedOf(server.title));
      stepUp.update(server.stepUp ?? null, words.stepUpOf(server.title));
      setHidden(explain, failure === null);
      setSpoken(explain, words.explainOf(server.title));
      for (const one of links) {
        setHidden(one.element, !one.phases.includes(phase));
        setSpoken(one.element, words.ofServer(one.text, server.title));
      }
      setHidden(stop, phase !== 'starting' && phase !== 'ready');
      setSpoken(stop, words.stopServer(server.title));
    },
  };
}

export function serverList(actions: Actions): View {
  const list = (): { element: HTMLElement; keep: (rows: readonly ServerRow[]) => void } => {
    const element = h('ul', { class: 'plain', role: 'list' });
    return {
      element,
      keep: rowKeeper<ServerRow>(
        element,
        ({ id }) => id,
        (server) => serverRow(actions, server),
      ),
    };
  };
  const first = list();
  const rest = list();
  const restTitle = h('span', {});
  const more = foldable(
    restTitle,
    (open) => actions.section('servers', open),
    { class: 'fold quiet', testid: 'more-servers' },
    rest.element,
  );
  const showMore = presence(more);
  const element = h(
    'section',
    { class: 'servers', 'data-testid': 'servers' },
    h('h2', {}, words.serversHeading),
    h('div', { class: 'server-rows' }, first.element, more),
  );
  const show = presence(element);
  return {
    element,
    update({ snapshot: { servers }, state }) {
      show(servers.length > 0);
      first.keep(servers.slice(0, SHOWN));
      const folded = servers.slice(SHOWN);
      rest.keep(folded);
      showMore(folded.length > 0);
      setText(restTitle, words.moreServers(folded.length));
      setOpen(more, state.openSections.includes('servers'));
    },
  };
}
