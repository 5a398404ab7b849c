import assert from 'node:assert/strict';
import fs from 'node:fs';
import { COMMANDS, CONTEXT_KEYS, VIEWS } from '../../src/vscode/contributions';
import { allProperties, contributes, text, written } from '../support/manifest';

describe('the walkthrough', () => {
  const [walkthrough, ...others] = contributes.walkthroughs;
  const steps = walkthrough?.steps ?? [];

  it('is one, with a picture and words for it at each step', () => {
    assert.equal(others.length, 0);
    assert.ok(steps.length >= 5);
    for (const { id, media, description } of steps) {
      const svg = fs.readFileSync(media.svg, 'utf8');
      assert.ok(Buffer.byteLength(svg) <= 4096, `${media.svg} is large`);
      assert.match(svg, /viewBox=/, id);
      // VS Code shows it under a policy without inline styles and scripts; colours are the theme's
      assert.doesNotMatch(svg, /style=|<style|<script|href|<image/, media.svg);
      const colours = [...svg.matchAll(/(?:fill|stroke)="([^"]+)"/g)].map(
        (match) => match[1] ?? '',
      );
      assert.ok(colours.length > 0, id);
      for (const colour of colours) assert.match(colour, /^(none|var\(--vscode-[\w-]+\))$/, id);
      assert.ok(media.altText.length > 20, id);
      assert.match(description, /\n\[[^\]]+\]\(command:/, `${id} has no button`);
    }
  });

  it('completes its steps by events of commands, views, settings and context keys that exist', () => {
    const known: Record<string, readonly string[]> = {
      onCommand: Object.values(COMMANDS),
      onView: Object.values(VIEWS),
      onContext: Object.values(CONTEXT_KEYS),
      onSettingChanged: Object.keys(allProperties),
    };
    for (const { id, completionEvents } of steps) {
      assert.ok(completionEvents.length > 0, id);
      for (const event of completionEvents) {
        const [kind = '', name = ''] = event.split(':');
        assert.ok(known[kind]?.includes(name), `${id}: ${event}`);
      }
    }
  });

  it('is where the links to it point', () => {
    const [link] = [...text.matchAll(/openWalkthrough\?([^)]+)\)/g)].map((match) => match[1] ?? '');
    const { publisher, name } = JSON.parse(written) as { publisher: string; name: string };
    assert.equal(
      JSON.parse(decodeURIComponent(link ?? '')),
      `${publisher}.${name}#${walkthrough?.id ?? ''}`,
    );
  });
});
