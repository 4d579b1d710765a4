/** Site settings and address bans, which old releases kept in a file of their own. */
import { decided } from '../../define.js';
import { canonicalCidr } from '../../ip/cidr.js';
import { boolOf, textOf } from '../old/values.js';
import type { Planning } from '../plan.js';

const switches = ['site_enabled', 'self_use_enabled', 'require_approval'] as const;
type Switch = (typeof switches)[number];

/** What an admin has stored here stays; an earlier run's value is not set a second time. */
export function* planSettings(planning: Planning): Generator<void> {
  const { known, report, tools } = planning;
  for (const row of planning.old.tables.get('site_config') ?? []) {
    yield;
    const name = textOf(row.key, 100) ?? '';
    if (!isSwitch(name)) {
      report.passOver('site_config', name, because(name));
      continue;
    }
    const to = boolOf(row.value, known.settings[name]);
    const handled = known.remembered('setting', name) !== undefined;
    if (handled || known.storedSettings[name] !== undefined || known.settings[name] === to) {
      report.count('site_config', 'matched');
      if (!handled && known.settings[name] !== to)
        report.note('site_config', name, `stays ${String(known.settings[name])}, as it was set here`);
      continue;
    }
    planning.keep('setting', name, name);
    const changed = decided('kirogate.config.changed', 'config', { changes: [{ setting: name, from: null, to }] });
    planning.rows.push({ table: 'site_config', become: () => ({ events: [{ ...changed, at: tools.now }], secrets: {} }) });
    report.count('site_config', 'imported');
  }
}

function isSwitch(name: string): name is Switch {
  return (switches as readonly string[]).includes(name);
}

function because(name: string): string {
  if (name !== 'proxy_api_key') return 'no setting of this release';
  return 'a secret, which this release reads from its environment: set PROXY_API_KEY to the old value to keep it';
}

export function* planIpBans(planning: Planning): Generator<void> {
  const { known, report, tools } = planning;
  for (const row of planning.old.tables.get('ip_blacklist') ?? []) {
    yield;
    const given = textOf(row.ip, 100) ?? '';
    const cidr = canonicalCidr(given);
    if (cidr === null) {
      report.passOver('ip_blacklist', given, 'is no address or range');
      continue;
    }
    if (known.isBanned(cidr) || planning.here('ip', cidr) !== undefined) {
      report.count('ip_blacklist', 'matched');
      continue;
    }
    const id = tools.newId();
    planning.keep('ip', cidr, id);
    const banned = decided('kirogate.ip.banned', `ip/${cidr}`, {
      id,
      cidr,
      reason: planning.text('ip_blacklist', cidr, row, 'reason', 500),
    });
    const events = [{ ...banned, at: planning.dateOf('ip_blacklist', cidr, row.banned_at) }];
    planning.rows.push({ table: 'ip_blacklist', become: () => ({ events, secrets: {} }) });
    report.count('ip_blacklist', 'imported');
  }
}
