//! Which dialog is open.

import { html } from '../lib.js';
import { dialog } from '../store.js';
import { CannedDialog } from './canned.js';
import { AssignDialog, PriorityDialog, ResultsDialog, StatusDialog, TagsDialog } from './changes.js';
import { AttachDialog } from './files.js';
import { SnoozeDialog, TakeOverDialog, TransferDialog, WhisperDialog } from './handover.js';
import { HelpDialog } from './help.js';
import { LaterDialog } from './later.js';
import { lazy } from './lazy.js';
import { Palette } from './palette.js';
import { SaveDialog } from './saved.js';
import { SettingsDialog } from './settings.js';

/** A screen that is loaded later adds its own. @type {Record<string, (props: {ids: string[]}) => unknown>} */
export const KINDS = {
  takeOver: TakeOverDialog,
  transfer: TransferDialog,
  snooze: SnoozeDialog,
  later: LaterDialog,
  queue: lazy(async () => (await import('./edits.js')).QueueDialog),
  subject: lazy(async () => (await import('./edits.js')).SubjectDialog),
  open: lazy(async () => (await import('./edits.js')).OpenDialog),
  merge: lazy(async () => (await import('./joined.js')).MergeDialog),
  split: lazy(async () => (await import('./joined.js')).SplitDialog),
  assign: AssignDialog,
  priority: PriorityDialog,
  status: StatusDialog,
  saveView: SaveDialog,
  tags: TagsDialog,
  attach: AttachDialog,
  canned: CannedDialog,
  whisper: WhisperDialog,
  results: ResultsDialog,
  palette: Palette,
  help: HelpDialog,
  settings: SettingsDialog,
};

export function Dialogs() {
  const open = dialog.value;
  const Kind = open && KINDS[open.kind];
  return Kind ? html`<${Kind} key=${open.kind} ids=${open.ids} />` : null;
}
