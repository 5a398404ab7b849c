/** Servers started from here or adopted: how each is doing, and what it really takes. */
import type { ServerRow } from '../../src/shared/protocol';
import { engineNames, phaseWords, words } from '../words';
import { button, setSpoken } from './button';
import { h, rowKeeper, setHidden, setText, type Row } from './dom';
import { offerView } from './offeredLaunch';
import type { Actions, View } from './view';

const phaseIcons: Readonly<Record<ServerRow['phase'], string>> = {
  starting: '◌',
  ready: '●',
  stopping: '◍',
  ended: '○',
  lost: '?',
};

function serverRow(actions: Actions, { id }: ServerRow): Row<ServerRow> {
  const icon = h('span', { class: 'phase-icon', 'aria-hidden': 'true' });
  const title = h('strong', {});
  const phase = h('span', { class: 'aside' });
  const detail = h('p', { class: 'help' });
  const use = h('span', { class: 'figure' });
  const pool = h('p', { class: 'help', 'data-testid': 'pool' });
  const notes = h('p', { class: 'help', 'data-testid': 'failure' });
  const correction = offerView(
    {
      heading: words.correctedHeading,
      button: words.startCorrected,
      testid: 'start-corrected',
    },
    () => actions.launchCorrected(id),
  );
  const stepUp = offerView(
    { heading: words.stepUpHeading, button: words.stepUp, testid: 'step-up' },
    () => actions.stepUp(id),
  );
  const explain = button(words.explain, () => actions.open('explain', id), { kind: 'link' });
  const stop = button(words.stop, () => actions.stop(id), { testid: `stop-${id}` });
  const element = h(
    'li',
    { class: 'server', 'data-testid': `server-${id}` },
    icon,
    h(
      'div',
      { class: 'server-text' },
      h('div', { class: 'server-head' }, title, phase, use),
      detail,
      pool,
      notes,
      correction.element,
      stepUp.element,
    ),
    h(
      'div',
      { class: 'buttons' },
      explain,
      button(words.openLog, () => actions.open('log', id), { kind: 'link' }),
      button(words.terminal, () => actions.open('terminal', id), { kind: 'link' }),
      stop,
    ),
  );
  return {
    element,
    update(server) {
      element.dataset.phase = server.phase;
      setText(icon, phaseIcons[server.phase]);
      setText(title, server.title);
      setText(phase, `${engineNames[server.engine]} · ${phaseWords[server.phase]}`);
      setText(detail, server.detail);
      setText(use, words.serverUse(server.usedBytes, server.plannedBytes ?? null));
      setHidden(use, server.phase === 'ended');
      setHidden(explain, server.failure == null);
      setSpoken(explain, words.explainOf(server.title));
      setText(pool, server.pool ?? '');
      setHidden(pool, server.pool == null);
      setText(notes, notesOf(server).join(' '));
      setHidden(notes, notesOf(server).length === 0);
      correction.update(server.failure?.correction ?? null, words.startCorrectedOf(server.title));
      stepUp.update(server.stepUp ?? null, words.stepUpOf(server.title));
      setHidden(stop, server.phase !== 'starting' && server.phase !== 'ready');
      setSpoken(stop, words.stopServer(server.title));
    },
  };
}

/** Who else was at work, and why there is nothing to offer. */
function notesOf({ failure }: ServerRow): string[] {
  return failure ? [...failure.culprits, ...(failure.reason === null ? [] : [failure.reason])] : [];
}

export function serverList(actions: Actions): View {
  const list = h('ul', { class: 'plain', role: 'list' });
  const keep = rowKeeper<ServerRow>(
    list,
    ({ id }) => id,
    (server) => serverRow(actions, server),
  );
  const element = h('section', { class: 'servers' }, h('h2', {}, words.serversHeading), list);
  return {
    element,
    update({ snapshot }) {
      setHidden(element, snapshot.servers.length === 0);
      keep(snapshot.servers);
    },
  };
}
