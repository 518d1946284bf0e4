// The Dibs protocol v1 as TypeScript. Generated from the Rust types of the protocol crate: change those.

/**
 * Who looks at a row of a view, and who types.
 */
export type ActivityRow = {
/**
 * Which conversation.
 */
id: ConversationId,
/**
 * Who looks at it.
 */
viewers: Array<AgentId>,
/**
 * Who types in it.
 */
typing: Array<AgentId>, };

/**
 * Who caused an event.
 */
export type Actor = { "kind": "agent",
/**
 * Who.
 */
id: AgentId, } | { "kind": "bot",
/**
 * Which.
 */
id: AgentId, } | { "kind": "customer",
/**
 * The channel's name for them; absent once erased.
 */
id?: CustomerId, } | { "kind": "channel",
/**
 * The subject of its token.
 */
id: AgentId, } | { "kind": "system" };

/**
 * A person or bot that answers customers.
 */
export type AgentId = string;

/**
 * Who the token says one is.
 */
export type AgentInfo = {
/**
 * The id.
 */
id: AgentId,
/**
 * What to call them.
 */
name: string,
/**
 * Person or program.
 */
kind: AgentKind,
/**
 * What they may do.
 */
role: Role,
/**
 * Where they belong.
 */
teams: Array<TeamId>,
/**
 * What they can do.
 */
skills: Array<string>, };

/**
 * Whether an agent is a person.
 */
export type AgentKind = "human" | "bot";

/**
 * An agent as `watch_agents` shows them.
 */
export type AgentRow = {
/**
 * The id.
 */
id: AgentId,
/**
 * What to call them.
 */
name: string,
/**
 * Person or program.
 */
kind: AgentKind,
/**
 * What they may do.
 */
role: Role,
/**
 * Where they belong.
 */
teams: Array<TeamId>,
/**
 * Their own word.
 */
status: Presence,
/**
 * Whether they have a session.
 */
connected: boolean,
/**
 * When their last session ended, or now while they have one; null when never seen connected.
 */
last_seen_at: Time | null,
/**
 * How many conversations they hold.
 */
claims: number,
/**
 * How many they take at most; null: no limit.
 */
capacity: number | null,
/**
 * Why they are as present as they are, if they said.
 */
reason?: string,
/**
 * Since when, if they said.
 */
since?: Time, };

/**
 * What is known of one agent besides their token.
 */
export type AgentSettings = {
/**
 * The agent.
 */
id: AgentId,
/**
 * What they can do, besides what their token says.
 */
skills: Array<string>,
/**
 * How many conversations they are given at most; absent: the workspace's.
 */
capacity?: number,
/**
 * How many of each channel at most; absent ones: the workspace's.
 */
capacity_by_channel: Record<string, number>,
/**
 * Tiers of customers for which they are a named senior: these go to them first.
 */
senior_for: Array<string>, };

/**
 * An agent: the conversations that they hold, or are responsible for while nobody does.
 */
export type AgentStats = {
/**
 * Who.
 */
id: AgentId,
/**
 * Their own word, or `away` when they did nothing for long.
 */
status: Presence,
/**
 * Whether they have a session.
 */
connected: boolean,
/**
 * How many conversations they hold, or are asked to take.
 */
load: number,
/**
 * How many they are given at most; null: no limit.
 */
capacity: number | null,
/**
 * Their customer waits for an answer.
 */
waiting: number,
/**
 * Since when the longest of them waits; null: none does.
 */
oldest_waiting_since: Time | null,
/**
 * A promise about time is at risk, none is broken.
 */
at_risk: number,
/**
 * A promise about time is broken.
 */
breached: number,
/**
 * Their replies in the last minute.
 */
replies_per_minute: number,
/**
 * From the opening to the first reply, where it was theirs.
 */
first_response: Durations,
/**
 * From their claims to the ends of these.
 */
handle_time: Durations, };

/**
 * Accept or decline an offer.
 */
export type AnswerTransfer = {
/**
 * Of which conversation.
 */
conversation: ConversationId,
/**
 * Whether to accept it.
 */
accept: boolean,
/**
 * A word with it.
 */
note?: string,
/**
 * Makes the command repeatable.
 */
key?: string, };

/**
 * A file that goes with a message. Dibs stores the reference only.
 */
export type Attachment = {
/**
 * The file's name.
 */
name: string,
/**
 * Its media type.
 */
media_type: string,
/**
 * Its size in bytes.
 */
size: number,
/**
 * Where it is: an https URL.
 */
url: string, };

/**
 * Do one thing to many conversations.
 */
export type Bulk = {
/**
 * Which, at most 500.
 */
conversations: Array<ConversationId>,
/**
 * What.
 */
action: BulkAction,
/**
 * Makes the command repeatable.
 */
key?: string,
/**
 * The state that each is expected to have.
 */
expect?: Partial<Summary>, };

/**
 * What a `bulk` does to each of its conversations.
 */
export type BulkAction = { "type": "update" } & BulkUpdate | { "type": "claim" } & BulkClaim | { "type": "release" } & BulkRelease;

/**
 * To `bulk`: one result a conversation, in the order asked.
 */
export type BulkAnswer = {
/**
 * The results.
 */
results: Array<BulkResult>, };

/**
 * `claim` for each conversation of a `bulk`: it has no fields.
 */
export type BulkClaim = Record<symbol, never>;

/**
 * `release` for each conversation of a `bulk`: whatever the sender holds, unless a token is named.
 */
export type BulkRelease = {
/**
 * The claim's token.
 */
token?: number, };

/**
 * What became of one conversation of a `bulk`.
 */
export type BulkResult = {
/**
 * Which.
 */
conversation: ConversationId,
/**
 * What the command's own `ok` would carry.
 */
ok?: Record<string, unknown>,
/**
 * Why it was not done.
 */
error?: Refusal, };

/**
 * The changes of an `update`, for each conversation of a `bulk`.
 */
export type BulkUpdate = {
/**
 * Where it stands.
 */
status?: Status,
/**
 * When a pending one wakes; null wakes it no more.
 */
snoozed_until?: string | null,
/**
 * How urgent it is.
 */
priority?: Priority,
/**
 * Where it waits.
 */
queue?: QueueId,
/**
 * Who is responsible; null for nobody.
 */
assignee?: AgentId | null,
/**
 * Which team is responsible; null for none.
 */
team?: TeamId | null,
/**
 * What it is about; null for nothing.
 */
subject?: string | null,
/**
 * Tags to add.
 */
add_tags?: Array<string>,
/**
 * Tags to remove.
 */
remove_tags?: Array<string>, };

/**
 * Do not send the reply that waits.
 */
export type CancelScheduled = {
/**
 * In which conversation.
 */
conversation: ConversationId,
/**
 * Makes the command repeatable.
 */
key?: string, };

/**
 * Withdraw one's offer.
 */
export type CancelTransfer = {
/**
 * Of which conversation.
 */
conversation: ConversationId,
/**
 * The claim's token.
 */
token: number,
/**
 * Makes the command repeatable.
 */
key?: string, };

/**
 * A reply that agents can pick.
 */
export type Canned = {
/**
 * What to call it; each has a name of its own.
 */
name: string,
/**
 * Its text.
 */
text: string, };

/**
 * How many conversations an agent is given.
 */
export type Capacity = {
/**
 * At most so many; absent: no limit.
 */
default?: number,
/**
 * At most so many of a channel; absent ones: no limit of their own.
 */
by_channel: Record<string, number>, };

/**
 * Who waits and what was said last in a conversation whose messages came from, or went to, another one: all of it as it
 * now is.
 */
export type Carried = {
/**
 * The oldest message of the customer that no reply has followed; absent when none waits.
 */
waiting_since?: Time,
/**
 * How many wait.
 */
unanswered: number,
/**
 * The last message; absent when there is none.
 */
last_message?: LastMessage,
/**
 * When the first reply was stored; absent when there is none.
 */
first_response_at?: Time, };

/**
 * A way in and out for messages: an address, a widget, a number.
 */
export type ChannelId = string;

/**
 * Who holds a conversation.
 */
export type Claim = {
/**
 * The holder.
 */
agent: AgentId,
/**
 * The fencing token: the `seq` of the grant.
 */
token: number,
/**
 * Since when.
 */
since: Time, };

/**
 * To `claim`.
 */
export type ClaimAnswer = {
/**
 * The claim's token.
 */
token: number,
/**
 * The conversation.
 */
summary: Summary, };

/**
 * Call dibs.
 */
export type ClaimCommand = {
/**
 * On which conversation.
 */
conversation: ConversationId,
/**
 * Makes the command repeatable.
 */
key?: string, };

/**
 * How claims live and end. What is absent is as the server's configuration says.
 */
export type ClaimSettings = {
/**
 * How long a claim waits for its holder after the holder's last connection went, in seconds.
 */
grace_s?: number,
/**
 * After how long a claim ends whose holder does nothing in the conversation, in seconds; 0: never.
 */
idle_s?: number,
/**
 * How long an offered transfer stays open, in seconds.
 */
offer_ttl_s?: number,
/**
 * Whether agents, and not only supervisors, may take over.
 */
agents_take_over?: boolean, };

/**
 * Close a live list.
 */
export type CloseView = {
/**
 * The client's name for it.
 */
view: string, };

/**
 * The stable code of a refusal.
 */
export type Code = "invalid" | "unknown_command" | "unauthenticated" | "forbidden" | "not_found" | "already_claimed" | "not_claimed" | "claim_lost" | "stale" | "key_reused" | "conflict" | "rate_limited" | "too_large" | "unavailable" | "internal";

/**
 * Collisions that came to nothing, on all instances, also on those that have ended since. What an instance counted in its
 * last seconds before it was killed may be missing.
 */
export type Collisions = {
/**
 * Claims of what somebody else held.
 */
claims_contested: number,
/**
 * Replies that had not seen what came before them.
 */
replies_stale: number,
/**
 * Replies by somebody who no longer held the conversation.
 */
replies_fenced: number,
/**
 * Repeated commands that were done once.
 */
repeats_absorbed: number, };

/**
 * A command, without its `id`.
 */
export type Command = { "type": "watch" } & Watch | { "type": "unwatch" } & Unwatch | { "type": "history" } & History | { "type": "open_view" } & OpenView | { "type": "close_view" } & CloseView | { "type": "list" } & List | { "type": "open" } & Open | { "type": "claim" } & ClaimCommand | { "type": "release" } & Release | { "type": "transfer" } & Transfer | { "type": "cancel_transfer" } & CancelTransfer | { "type": "answer_transfer" } & AnswerTransfer | { "type": "take_over" } & TakeOver | { "type": "reply" } & Reply | { "type": "schedule_reply" } & ScheduleReply | { "type": "cancel_scheduled" } & CancelScheduled | { "type": "note" } & NoteCommand | { "type": "update" } & Update | { "type": "bulk" } & Bulk | { "type": "merge" } & Merge | { "type": "split" } & Split | { "type": "set_presence" } & SetPresence | { "type": "mark_read" } & MarkRead | { "type": "read_marks" } & ReadMarksCommand | { "type": "mentions" } & MentionsCommand | { "type": "read_mentions" } & ReadMentions | { "type": "watch_agents" } & WatchAgents | { "type": "unwatch_agents" } & UnwatchAgents | { "type": "watch_stats" } & WatchStats | { "type": "unwatch_stats" } & UnwatchStats | { "type": "settings" } & SettingsCommand | { "type": "set_settings" } & SetSettings | { "type": "refresh" } & Refresh | { "type": "ping" } & Ping;

/**
 * A conversation with a customer.
 */
export type ConversationId = string;

/**
 * What is, where a command expected something else.
 */
export type Current = Summary | SettingsAnswer;

/**
 * A customer, as a channel describes them.
 */
export type Customer = {
/**
 * The channel's name for them.
 */
id: CustomerId,
/**
 * What to call them.
 */
name: string,
/**
 * How they appear on the channel.
 */
handle?: Handle,
/**
 * Which group of customers they belong to.
 */
tier?: string, };

/**
 * The channel's own name for a customer, compared bytewise.
 */
export type CustomerId = string;

/**
 * Why an offer ended without a transfer.
 */
export type DeclineReason = "declined" | "expired" | "withdrawn" | "superseded";

/**
 * `POST /deliveries`: what became of a message.
 */
export type Delivery = {
/**
 * Which message.
 */
message: MessageId,
/**
 * What became of it.
 */
state: DeliveryState,
/**
 * Why it failed.
 */
reason?: string, };

/**
 * What became of a message on its channel.
 */
export type DeliveryState = "delivered" | "failed";

/**
 * `POST /agents/{agent}/disconnect`: an admin sends an agent away.
 */
export type Disconnect = {
/**
 * Why, for those who read the feed.
 */
reason?: string, };

/**
 * Why a scheduled reply was not sent.
 */
export type DropReason = "cancelled" | "replaced" | "claim_lost" | "stale" | "erased";

/**
 * How long something took.
 */
export type Durations = {
/**
 * In the last hour; null: nothing was counted.
 */
hour: Quantiles | null,
/**
 * In the last day; null: nothing was counted.
 */
day: Quantiles | null, };

/**
 * To `history`, and over HTTP to `events`.
 */
export type EntriesAnswer = {
/**
 * Entries, ascending.
 */
entries: Array<EventEntry>,
/**
 * Whether there are more in the direction of reading.
 */
more: boolean, };

/**
 * A refusal with the `id` of its command.
 */
export type ErrorFrame = {
/**
 * The command's `id`; null when the frame had none.
 */
id: number | null,
/**
 * The stable code.
 */
code: Code,
/**
 * One sentence for a person: what was wrong and what to do.
 */
message: string,
/**
 * `invalid`, `too_large`: which field was wrong, as a path such as `customer.id`.
 */
field?: string,
/**
 * `already_claimed`, `claim_lost`, `forbidden`: who holds the claim.
 */
holder?: AgentId,
/**
 * `already_claimed`: since when.
 */
since?: Time,
/**
 * `stale`: the newest entries that the sender had not seen, ascending.
 */
missed?: Array<EventEntry>,
/**
 * `conflict`: the conversation, or the settings, as they are.
 */
current?: Current,
/**
 * `invalid` settings: everything that is wrong with them.
 */
faults?: Array<Fault>,
/**
 * `rate_limited`, `unavailable`: when to try again, in milliseconds.
 */
retry_after_ms?: number, };

/**
 * What happens by itself when a conversation waits too long. Each rule acts once per waiting spell.
 */
export type Escalation = {
/**
 * What to call it; each rule has a name of its own.
 */
name: string,
/**
 * When it acts.
 */
on: EscalationTrigger,
/**
 * On which conversations.
 */
match: Match,
/**
 * What it does, in this order.
 */
actions: Array<EscalationAction>, };

/**
 * What an escalation does.
 */
export type EscalationAction = { "raise_priority": Priority } | { "move_to_queue": QueueId } | { "add_tags": Array<string> } | { "mention_team": TeamId } | { "notify": Array<AgentId> } | "unassign";

/**
 * What gave an escalation cause to act.
 */
export type EscalationCause = "first_response" | "next_response" | "resolution" | "waiting" | "unanswered";

/**
 * When an escalation acts.
 */
export type EscalationTrigger = { "warned": Array<SlaTarget> } | { "breached": Array<SlaTarget> } | { "waiting_longer_than_s": number } | { "unanswered_at_least": number };

/**
 * A stored fact.
 */
export type Event = { "kind": "conversation_opened",
/**
 * Where.
 */
channel: ChannelId,
/**
 * The channel's thread.
 */
thread?: ThreadId,
/**
 * With whom.
 */
customer: Customer,
/**
 * What about.
 */
subject?: string,
/**
 * Where it waits.
 */
queue: QueueId,
/**
 * How urgent it is.
 */
priority: Priority,
/**
 * Its tags.
 */
tags: Array<string>, } | { "kind": "message_received",
/**
 * What.
 */
message: Message, } | { "kind": "message_sent",
/**
 * What.
 */
message: Message,
/**
 * Who.
 */
agent: AgentId,
/**
 * With which claim.
 */
token: number,
/**
 * The sender's key.
 */
key: string, } | { "kind": "message_delivery",
/**
 * Which message.
 */
message: MessageId,
/**
 * What became of it.
 */
state: DeliveryState,
/**
 * Why it failed.
 */
reason?: string, } | { "kind": "note_added",
/**
 * What.
 */
note: Note,
/**
 * Who.
 */
agent: AgentId,
/**
 * To whom in particular.
 */
mentions: Mentions, } | { "kind": "claim_granted",
/**
 * Who.
 */
agent: AgentId,
/**
 * The fencing token: this event's own `seq`, filled in when it is known.
 */
token?: number,
/**
 * How.
 */
via: GrantVia,
/**
 * From whom.
 */
from?: AgentId,
/**
 * Why.
 */
reason?: string, } | { "kind": "claim_released",
/**
 * Who.
 */
agent: AgentId,
/**
 * With which token.
 */
token: number,
/**
 * How.
 */
via: ReleaseVia, } | { "kind": "claim_expired",
/**
 * Whose.
 */
agent: AgentId,
/**
 * With which token.
 */
token: number,
/**
 * Why.
 */
reason: ExpiryReason, } | { "kind": "transfer_offered",
/**
 * Who.
 */
from: AgentId,
/**
 * To whom.
 */
to: TransferTo,
/**
 * A word with it.
 */
note?: string,
/**
 * When the offer ends by itself.
 */
expires_at: Time, } | { "kind": "transfer_declined",
/**
 * Who offered.
 */
from: AgentId,
/**
 * To whom.
 */
to: TransferTo,
/**
 * How it ended.
 */
reason: DeclineReason,
/**
 * A word with it.
 */
note?: string, } | { "kind": "assigned",
/**
 * Which agent.
 */
agent?: AgentId,
/**
 * Which team.
 */
team?: TeamId, } | { "kind": "status_changed",
/**
 * Where it stood.
 */
from: Status,
/**
 * Where it stands.
 */
to: Status,
/**
 * When it wakes by itself.
 */
snoozed_until?: Time, } | { "kind": "tagged",
/**
 * Which came.
 */
added: Array<string>,
/**
 * Which went.
 */
removed: Array<string>, } | { "kind": "priority_changed",
/**
 * What it was.
 */
from: Priority,
/**
 * What it is.
 */
to: Priority, } | { "kind": "queue_changed",
/**
 * What it was.
 */
from: QueueId,
/**
 * What it is.
 */
to: QueueId, } | { "kind": "subject_changed",
/**
 * What it was.
 */
from?: string,
/**
 * What it is.
 */
to?: string, } | { "kind": "sla_warned",
/**
 * Which.
 */
target: SlaTarget,
/**
 * By when it must be kept.
 */
due_at: Time, } | { "kind": "sla_breached",
/**
 * Which.
 */
target: SlaTarget,
/**
 * By when it should have been kept.
 */
due_at: Time, } | { "kind": "sla_met",
/**
 * Which.
 */
target: SlaTarget,
/**
 * By when it had to be kept.
 */
due_at: Time, } | { "kind": "sla_planned",
/**
 * All of them.
 */
promises: Array<Promise>, } | { "kind": "escalated",
/**
 * Its name.
 */
rule: string,
/**
 * What gave it cause.
 */
on: EscalationCause, } | { "kind": "reply_scheduled",
/**
 * What.
 */
message: Message,
/**
 * Whose.
 */
agent: AgentId,
/**
 * With which claim.
 */
token: number,
/**
 * The sender's key.
 */
key: string,
/**
 * When it is sent.
 */
at: Time,
/**
 * Where it will leave the conversation, when not `open`.
 */
then?: Then, } | { "kind": "schedule_dropped",
/**
 * Which message.
 */
message: MessageId,
/**
 * Why.
 */
reason: DropReason, } | { "kind": "customer_updated",
/**
 * How.
 */
customer: Customer, } | { "kind": "merged",
/**
 * Which were absorbed.
 */
conversations?: Array<ConversationId>,
/**
 * Which one goes on.
 */
into?: ConversationId,
/**
 * On the survivor: what those had absorbed before.
 */
through?: Array<ConversationId>,
/**
 * On the survivor: the channel's threads that lead to it from now on, those of the absorbed ones.
 */
threads?: Array<ThreadId>,
/**
 * On the survivor: who waits and what was said last, now that it has their messages, too.
 */
carried?: Carried, } | { "kind": "split",
/**
 * The new one.
 */
into?: ConversationId,
/**
 * The old one.
 */
from?: ConversationId,
/**
 * Which messages moved.
 */
messages: Array<MessageId>,
/**
 * Who waits and what was said last, with these messages or without them.
 */
carried?: Carried, } | { "kind": "rated",
/**
 * 1 to 5.
 */
score: number,
/**
 * In their words.
 */
comment?: string, } | { "kind": "redacted",
/**
 * Which, by `seq`.
 */
entries: number[],
/**
 * Why.
 */
reason: RedactReason, } | { "kind": "agent_seen",
/**
 * Who.
 */
agent: AgentId,
/**
 * What to call them.
 */
name: string,
/**
 * What they may do.
 */
role: Role,
/**
 * Where they belong.
 */
teams: Array<TeamId>, } | { "kind": "agent_disconnected",
/**
 * Who.
 */
agent: AgentId,
/**
 * Why.
 */
reason?: string,
/**
 * Tokens that were issued (`iat`) until then are refused.
 */
before: Time,
/**
 * Tokens that are refused besides.
 */
tokens: Array<RefusedToken>, } | { "kind": "settings_changed",
/**
 * Which version of them it is: one more with every change.
 */
version: number,
/**
 * All of them, as they now are.
 */
settings: WorkspaceSettings, };

/**
 * An event with its place in the feed, as timelines list it: an `event` frame without `type`.
 *
 * A redacted entry has `{"kind":…,"redacted":true}` for its event; a client may also meet kinds that it does not know,
 * so the event stays JSON here: [`EventEntry::known`] reads it.
 */
export type EventEntry = {
/**
 * Its number in the feed.
 */
seq: number,
/**
 * Which conversation it belongs to, if any.
 */
conversation?: ConversationId,
/**
 * When it was stored.
 */
at: Time,
/**
 * Who caused it.
 */
actor: Actor,
/**
 * What happened: an [`Event`], or the remains of a redacted one.
 */
event: Event | RedactedEvent, };

/**
 * Why a claim expired.
 */
export type ExpiryReason = "holder_gone" | "idle";

/**
 * Something in the settings that makes no sense.
 */
export type Fault = {
/**
 * Where, as a path such as `queues[2].teams[0]`.
 */
field: string,
/**
 * What is wrong there, as one sentence for a person.
 */
message: string, };

/**
 * Which conversations to show. Within an array any value matches, between keys all must; null in an array means none.
 *
 * `claimed_by` and `assignee` take an agent's id or `"me"`; an agent whose id is `me` cannot be named there.
 */
export type Filter = {
/**
 * Status.
 */
status?: Array<Status>,
/**
 * Whether somebody holds it.
 */
claimed?: boolean,
/**
 * Who holds it.
 */
claimed_by?: AgentId,
/**
 * Who is responsible; null: nobody.
 */
assignee?: AgentId | null,
/**
 * Which team is responsible.
 */
team?: Array<TeamId | null>,
/**
 * Where it waits.
 */
queue?: Array<QueueId>,
/**
 * Where it came from.
 */
channel?: Array<ChannelId>,
/**
 * How urgent it is.
 */
priority?: Array<Priority>,
/**
 * Its tags.
 */
tags?: TagFilter,
/**
 * The customer's id.
 */
customer?: CustomerId,
/**
 * The customer's tier.
 */
tier?: Array<string | null>,
/**
 * Unanswered for more than so many seconds.
 */
waiting_longer_than_s?: number,
/**
 * Case-folded substring of subject, customer's name and last message.
 */
text?: string,
/**
 * Whether it sleeps until a time.
 */
snoozed?: boolean,
/**
 * Whether it has mentions that the asker has not read.
 */
mentions_me?: boolean,
/**
 * Whether a transfer is offered to the asker or one of their teams.
 */
offered_to_me?: boolean,
/**
 * Whether a promise about time is at risk and none is broken.
 */
sla_at_risk?: boolean,
/**
 * Whether a promise about time is broken.
 */
sla_breached?: boolean, };

/**
 * A part of a whole, 0 to 1. Any number can be read; whether it is a part is checked with the other settings.
 */
export type Fraction = number;

/**
 * Who said the last message.
 */
export type From = "customer" | "agent" | "bot";

/**
 * How a claim was granted.
 */
export type GrantVia = "claim" | "take_over" | "transfer" | "routed";

/**
 * How the customer appears on a channel: an address, a number, a nickname.
 */
export type Handle = string;

/**
 * A conversation that one holds.
 */
export type HeldClaim = {
/**
 * Which.
 */
conversation: ConversationId,
/**
 * The claim's token.
 */
token: number, };

/**
 * The first frame of a connection.
 */
export type Hello = {
/**
 * The JWT.
 */
token: string,
/**
 * What the client is.
 */
client?: string,
/**
 * Where it left off.
 */
resume?: Resume, };

/**
 * Read a conversation further back.
 */
export type History = {
/**
 * Which.
 */
conversation: ConversationId,
/**
 * Only entries below this `seq`.
 */
before: number,
/**
 * At most so many; 50 by default.
 */
limit?: number, };

/**
 * `POST /messages`: the customer wrote.
 */
export type Ingest = {
/**
 * Makes the request repeatable; per channel, for 7 days.
 */
key: string,
/**
 * Where.
 */
channel: ChannelId,
/**
 * Who.
 */
customer: Customer,
/**
 * The channel's thread.
 */
thread?: ThreadId,
/**
 * Into which conversation, where the channel knows it.
 */
conversation?: ConversationId,
/**
 * What.
 */
text: string,
/**
 * What about.
 */
subject?: string,
/**
 * Where a new conversation waits.
 */
queue?: QueueId,
/**
 * How urgent a new conversation is.
 */
priority?: Priority,
/**
 * A new conversation's tags.
 */
tags?: Array<string>,
/**
 * Files with it.
 */
attachments?: Array<Attachment>, };

/**
 * The answer to an ingested message.
 */
export type IngestAnswer = {
/**
 * Where it went.
 */
conversation: ConversationId,
/**
 * The message's id.
 */
message: MessageId,
/**
 * The message's `seq`.
 */
seq: number,
/**
 * Whether it opened the conversation.
 */
opened: boolean, };

export type JsonValue = number | string | boolean | Array<JsonValue> | { [key in string]: JsonValue } | null;

/**
 * The last message, never a note.
 */
export type LastMessage = {
/**
 * Its number in the feed.
 */
seq: number,
/**
 * When it was stored.
 */
at: Time,
/**
 * Who said it.
 */
from: From,
/**
 * Its beginning, at most 140 characters.
 */
excerpt: string, };

/**
 * The limits as `welcome` tells them.
 */
export type Limits = {
/**
 * Longest message or note, in bytes of UTF-8.
 */
text_bytes: number,
/**
 * Longest ingested message, in bytes of UTF-8.
 */
ingest_text_bytes: number,
/**
 * Largest HTTP body, in bytes.
 */
http_body_bytes: number,
/**
 * Largest frame from a client, in bytes.
 */
frame_bytes: number,
/**
 * Longest subject, name or reason, in characters.
 */
line_chars: number,
/**
 * Longest key, in characters.
 */
key_chars: number,
/**
 * Longest tag, in characters.
 */
tag_chars: number,
/**
 * Most tags of a conversation.
 */
tags: number,
/**
 * Most attachments of a message.
 */
attachments: number,
/**
 * Most mentions of a note.
 */
mentions: number,
/**
 * Most watches of a session.
 */
watches: number,
/**
 * Most views of a session.
 */
views: number,
/**
 * Most conversations of a `bulk`.
 */
bulk: number,
/**
 * Most conversations of a `merge`.
 */
merge: number,
/**
 * Largest `limit` of a list.
 */
list: number, };

/**
 * Read a list once, closed conversations included.
 */
export type List = {
/**
 * What to show.
 */
filter: Filter,
/**
 * In which order.
 */
sort: Sort,
/**
 * The `cursor` of the page before.
 */
after?: string,
/**
 * At most so many; 50 by default.
 */
limit?: number, };

/**
 * To `list`.
 */
export type ListAnswer = {
/**
 * The conversations, in order.
 */
conversations: Array<Summary>,
/**
 * Where the next page begins; absent on the last.
 */
cursor?: string, };

/**
 * Say how far one has read.
 */
export type MarkRead = {
/**
 * In which conversation.
 */
conversation: ConversationId,
/**
 * The highest `seq` that was read.
 */
up_to: number,
/**
 * Makes the command repeatable.
 */
key?: string, };

/**
 * Which conversations are meant: within a list any value matches, between lists all must; an empty list means any.
 */
export type Match = {
/**
 * Where they wait.
 */
queue: Array<QueueId>,
/**
 * The customer's tier.
 */
tier: Array<string>,
/**
 * How urgent they are.
 */
priority: Array<Priority>,
/**
 * Where they came from.
 */
channel: Array<ChannelId>, };

/**
 * A mention in one's inbox.
 */
export type MentionRow = {
/**
 * The note's `seq`.
 */
seq: number,
/**
 * Where.
 */
conversation: ConversationId,
/**
 * Which note.
 */
note: NoteId,
/**
 * Who wrote it.
 */
by: AgentId,
/**
 * When.
 */
at: Time,
/**
 * Its beginning.
 */
excerpt: string,
/**
 * Whether one has read it.
 */
read: boolean, };

/**
 * Whom a note mentions.
 */
export type Mentions = {
/**
 * Agents by name.
 */
agents: Array<AgentId>,
/**
 * Teams by name.
 */
teams: Array<TeamId>, };

/**
 * To `mentions`, newest first.
 */
export type MentionsAnswer = {
/**
 * The mentions.
 */
mentions: Array<MentionRow>,
/**
 * How many are unread in all.
 */
unread: number, };

/**
 * Ask who mentioned one, newest first.
 */
export type MentionsCommand = {
/**
 * Only mentions below this `seq`.
 */
before?: number,
/**
 * At most so many; 50 by default.
 */
limit?: number, };

/**
 * Make one conversation of several: the others close, and what was said in them is the survivor's.
 */
export type Merge = {
/**
 * The survivor.
 */
into: ConversationId,
/**
 * Those that it absorbs: 1 to 100, each once, the survivor not among them.
 */
conversations: Array<ConversationId>,
/**
 * The survivor's summary, or some of its fields, as the client saw it; a difference is `conflict`.
 */
expect?: Partial<Summary>,
/**
 * Makes the command repeatable.
 */
key?: string, };

/**
 * What was said.
 */
export type Message = {
/**
 * Its id.
 */
id: MessageId,
/**
 * Its text.
 */
text: string,
/**
 * Its files.
 */
attachments: Array<Attachment>, };

/**
 * A message from or to a customer.
 */
export type MessageId = string;

/**
 * What was said among colleagues.
 */
export type Note = {
/**
 * Its id.
 */
id: NoteId,
/**
 * Its text.
 */
text: string, };

/**
 * To `note`.
 */
export type NoteAnswer = {
/**
 * The note's `seq`.
 */
seq: number,
/**
 * Whom it mentions.
 */
mentions: Mentions,
/**
 * Names in it that nobody has.
 */
unknown: Array<string>,
/**
 * Whether the key was known.
 */
duplicate: boolean, };

/**
 * Write to colleagues.
 */
export type NoteCommand = {
/**
 * In which conversation.
 */
conversation: ConversationId,
/**
 * Makes the command repeatable.
 */
key: string,
/**
 * What to say; `@name` mentions.
 */
text: string, };

/**
 * A note among colleagues.
 */
export type NoteId = string;

/**
 * A transfer that waits for an answer.
 */
export type Offer = {
/**
 * Who offers.
 */
from: AgentId,
/**
 * To whom.
 */
to: TransferTo,
/**
 * A word with it.
 */
note?: string,
/**
 * When it ends by itself.
 */
expires_at: Time, };

/**
 * A transfer offered to one.
 */
export type OfferInfo = {
/**
 * Which conversation.
 */
conversation: ConversationId,
/**
 * Who offers.
 */
from: AgentId,
/**
 * To whom.
 */
to: TransferTo,
/**
 * A word with it.
 */
note?: string,
/**
 * When it ends by itself.
 */
expires_at: Time,
/**
 * The conversation.
 */
summary: Summary, };

/**
 * An answer with the fields of its command; see `answer` for their types.
 */
export type OkFrame = {
/**
 * The command's `id`.
 */
id: number, } & ({ [key in string]: number | string | boolean | Array<JsonValue> | { [key in string]: JsonValue } | null });

/**
 * Begin a conversation with a customer, and hold it.
 */
export type Open = {
/**
 * Makes the command repeatable.
 */
key: string,
/**
 * With whom.
 */
customer: Customer,
/**
 * Where.
 */
channel: ChannelId,
/**
 * Where it waits; the default queue otherwise.
 */
queue?: QueueId,
/**
 * What about.
 */
subject?: string, };

/**
 * To `open`.
 */
export type OpenAnswer = {
/**
 * The new conversation.
 */
conversation: ConversationId,
/**
 * The claim's token.
 */
token: number,
/**
 * Whether the key was known.
 */
duplicate: boolean, };

/**
 * Open a live list of unclosed conversations.
 */
export type OpenView = {
/**
 * The client's name for it: 1 to 64 characters.
 */
view: string,
/**
 * What to show.
 */
filter: Filter,
/**
 * In which order.
 */
sort: Sort,
/**
 * The first row, a multiple of `limit`; 0 by default.
 */
offset?: number,
/**
 * How many rows; 50 by default, 0 for the total only.
 */
limit?: number, };

/**
 * To `open_view`.
 */
export type OpenViewAnswer = {
/**
 * The feed's head that it shows.
 */
seq: number,
/**
 * How many conversations match.
 */
total: number,
/**
 * The rows of the window, in order.
 */
conversations: Array<Summary>,
/**
 * The window was too large for one frame: the rest follows in `view_changed`.
 */
more?: boolean, };

/**
 * The answer to `GET /outbox`.
 */
export type OutboxAnswer = {
/**
 * That channel's `message_sent` events, ascending.
 */
events: Array<EventEntry>,
/**
 * `after` of the next request.
 */
next: number, };

/**
 * Ask for a sign of life.
 */
export type Ping = Record<symbol, never>;

/**
 * To `ping`.
 */
export type PingAnswer = {
/**
 * The server's time.
 */
time: Time, };

/**
 * An agent's own word about themselves.
 */
export type Presence = "online" | "away" | "busy";

/**
 * How present an agent is.
 */
export type PresenceRow = {
/**
 * Who.
 */
id: AgentId,
/**
 * Their own word.
 */
status: Presence,
/**
 * Whether they have a session.
 */
connected: boolean,
/**
 * How many conversations they hold.
 */
claims: number,
/**
 * Why they are as present as they are, if they said.
 */
reason?: string,
/**
 * Since when, if they said.
 */
since?: Time, };

/**
 * How urgent a conversation is.
 */
export type Priority = "low" | "normal" | "high" | "urgent";

/**
 * RFC 9457 problem details.
 */
export type Problem = {
/**
 * Always `about:blank`: the code says it.
 */
type: string,
/**
 * The status' name.
 */
title: string,
/**
 * The HTTP status.
 */
status: number,
/**
 * One sentence for a person.
 */
detail: string,
/**
 * The stable code.
 */
code: Code,
/**
 * One sentence for a person: what was wrong and what to do.
 */
message: string,
/**
 * `invalid`, `too_large`: which field was wrong, as a path such as `customer.id`.
 */
field?: string,
/**
 * `already_claimed`, `claim_lost`, `forbidden`: who holds the claim.
 */
holder?: AgentId,
/**
 * `already_claimed`: since when.
 */
since?: Time,
/**
 * `stale`: the newest entries that the sender had not seen, ascending.
 */
missed?: Array<EventEntry>,
/**
 * `conflict`: the conversation, or the settings, as they are.
 */
current?: Current,
/**
 * `invalid` settings: everything that is wrong with them.
 */
faults?: Array<Fault>,
/**
 * `rate_limited`, `unavailable`: when to try again, in milliseconds.
 */
retry_after_ms?: number, };

/**
 * A promise about time that runs or is paused.
 */
export type Promise = {
/**
 * What is promised.
 */
target: SlaTarget,
/**
 * Within how much open time, in milliseconds.
 */
within_ms: number,
/**
 * How much of that had passed when it last began to run, in milliseconds.
 */
spent_ms: number,
/**
 * Since when it runs; absent while it is paused.
 */
since?: Time,
/**
 * When it is at risk; absent while it is paused.
 */
warn_at?: Time,
/**
 * By when it must be kept; absent while it is paused.
 */
due_at?: Time, };

/**
 * A promise as lists show it.
 */
export type PromiseSummary = {
/**
 * By when it must be kept; absent while it is paused.
 */
due_at?: Time,
/**
 * Whether it was said to be at risk.
 */
warned: boolean,
/**
 * Whether it is broken.
 */
breached: boolean, };

/**
 * `PUT /settings`: all that the workspace sets.
 */
export type PutSettings = {
/**
 * All of it: what is left out has its default.
 */
settings: WorkspaceSettings,
/**
 * The version that the client saw; another one is `conflict`.
 */
expect?: number, };

/**
 * Quantiles of durations, exact to 13 %, or to the second below 16 s.
 */
export type Quantiles = {
/**
 * How many there were.
 */
count: number,
/**
 * Half of them took at most so many seconds.
 */
p50_s: number,
/**
 * Nine of ten took at most so many seconds.
 */
p90_s: number, };

/**
 * How a routed conversation comes to its agent.
 */
export type QueueDelivery = "push" | "offer";

/**
 * Where conversations wait.
 */
export type QueueId = string;

/**
 * Who works a routed queue.
 */
export type QueueRouting = {
/**
 * How many agents are known who work it: 0 means that nobody can.
 */
agents: number,
/**
 * How many of them take work and have room.
 */
free: number,
/**
 * Why conversations wait for which nobody was found.
 */
nobody?: string, };

/**
 * Where conversations wait, and how they find an agent.
 */
export type QueueSettings = {
/**
 * The queue.
 */
id: QueueId,
/**
 * What to call it; its id otherwise.
 */
name?: string,
/**
 * How its conversations find an agent: by hand, unless it is said otherwise.
 */
routing: Routing,
/**
 * How a routed conversation comes to its agent: at once, unless it is said otherwise.
 */
delivery: QueueDelivery,
/**
 * How long an offered conversation waits for an answer, in seconds.
 */
offer_s: number,
/**
 * What an agent must be able to do to be given its conversations.
 */
skills: Array<string>,
/**
 * A conversation that found nobody for so many seconds is given to agents without these skills; absent: never.
 */
relax_skills_after_s?: number,
/**
 * Customers of these tiers come first, in this order; all others follow.
 */
tiers_first: Array<string>,
/**
 * The teams that work it; none: every agent.
 */
teams: Array<TeamId>,
/**
 * A returning customer goes to the agent who answered last, if that was at most so many seconds ago; absent: no
 * such preference.
 */
sticky_s?: number, };

/**
 * A queue.
 */
export type QueueStats = {
/**
 * Which.
 */
id: QueueId,
/**
 * Who works it, where it is routed.
 */
routing?: QueueRouting,
/**
 * Their customer waits for an answer.
 */
waiting: number,
/**
 * Since when the longest of them waits; null: none does.
 */
oldest_waiting_since: Time | null,
/**
 * New or open, and nobody holds them.
 */
unclaimed: number,
/**
 * Somebody holds them.
 */
claimed: number,
/**
 * Pending.
 */
pending: number,
/**
 * A promise about time is at risk, none is broken.
 */
at_risk: number,
/**
 * A promise about time is broken.
 */
breached: number,
/**
 * Customers' messages in the last minute.
 */
arrivals_per_minute: number,
/**
 * Replies in the last minute.
 */
replies_per_minute: number,
/**
 * From the opening by a customer to the first reply.
 */
first_response: Durations,
/**
 * From a claim to its end.
 */
handle_time: Durations, };

/**
 * What the customer thought of it.
 */
export type Rating = {
/**
 * 1 to 5.
 */
score: number,
/**
 * In the customer's words.
 */
comment?: string,
/**
 * When.
 */
at: Time, };

/**
 * `POST /ratings`: what the customer thinks of it.
 */
export type RatingBody = {
/**
 * Of which conversation.
 */
conversation: ConversationId,
/**
 * 1 to 5.
 */
score: number,
/**
 * In their words.
 */
comment?: string, };

/**
 * How far somebody has read.
 */
export type ReadMark = {
/**
 * Who.
 */
agent: AgentId,
/**
 * The highest `seq` that was read.
 */
up_to: number, };

/**
 * To `read_marks`.
 */
export type ReadMarksAnswer = {
/**
 * How far one has read in unclosed conversations.
 */
marks: Record<string, number>, };

/**
 * Ask how far one has read.
 */
export type ReadMarksCommand = Record<symbol, never>;

/**
 * Say which mentions one has read.
 */
export type ReadMentions = {
/**
 * The highest `seq` that was read.
 */
up_to: number,
/**
 * Makes the command repeatable.
 */
key?: string, };

/**
 * To `read_mentions`.
 */
export type ReadMentionsAnswer = {
/**
 * How many are left.
 */
unread: number, };

/**
 * Why entries were redacted.
 */
export type RedactReason = "request" | "retention" | "manual";

/**
 * What is left of an erased event.
 */
export type RedactedEvent = {
/**
 * Its kind.
 */
kind: string,
/**
 * Always true.
 */
redacted: boolean, };

/**
 * Bring a new token before the old one is over.
 */
export type Refresh = {
/**
 * The new token, of the same subject and workspace.
 */
token: string, };

/**
 * A refusal as `error` frames, `bulk` results and problem details carry it.
 */
export type Refusal = {
/**
 * The stable code.
 */
code: Code,
/**
 * One sentence for a person: what was wrong and what to do.
 */
message: string,
/**
 * `invalid`, `too_large`: which field was wrong, as a path such as `customer.id`.
 */
field?: string,
/**
 * `already_claimed`, `claim_lost`, `forbidden`: who holds the claim.
 */
holder?: AgentId,
/**
 * `already_claimed`: since when.
 */
since?: Time,
/**
 * `stale`: the newest entries that the sender had not seen, ascending.
 */
missed?: Array<EventEntry>,
/**
 * `conflict`: the conversation, or the settings, as they are.
 */
current?: Current,
/**
 * `invalid` settings: everything that is wrong with them.
 */
faults?: Array<Fault>,
/**
 * `rate_limited`, `unavailable`: when to try again, in milliseconds.
 */
retry_after_ms?: number, };

/**
 * A token that is refused though it has not ended.
 */
export type RefusedToken = {
/**
 * The first 16 bytes of a SHA-256 over its `jti`, or without one over all of it but its signature, in hexadecimal.
 */
digest: string,
/**
 * When it ends by itself (`exp`), in seconds since the Unix epoch.
 */
exp: number, };

/**
 * Let go.
 */
export type Release = {
/**
 * Of which conversation.
 */
conversation: ConversationId,
/**
 * The claim's token.
 */
token: number,
/**
 * Makes the command repeatable.
 */
key?: string, };

/**
 * How a claim was released.
 */
export type ReleaseVia = "release" | "resolved" | "snoozed" | "transfer" | "take_over" | "merged" | "escalated";

/**
 * Answer the customer.
 */
export type Reply = {
/**
 * In which conversation.
 */
conversation: ConversationId,
/**
 * The claim's token.
 */
token: number,
/**
 * Makes the command repeatable.
 */
key: string,
/**
 * The highest `seq` of this conversation that was shown to the sender.
 */
seen: number,
/**
 * What to say.
 */
text: string,
/**
 * Files with it.
 */
attachments?: Array<Attachment>,
/**
 * Where it leaves the conversation, when not `open`.
 */
then?: Then, };

/**
 * To `reply`.
 */
export type ReplyAnswer = {
/**
 * The message's `seq`.
 */
seq: number,
/**
 * The message's id.
 */
message: MessageId,
/**
 * Whether the key was known.
 */
duplicate: boolean, };

/**
 * Where a client left off.
 */
export type Resume = {
/**
 * The feed's history that it followed.
 */
epoch: string,
/**
 * Its cursor.
 */
seq: number,
/**
 * The chain's hash at that very `seq`, if it was told.
 */
hash?: string,
/**
 * The conversations whose `watch` was answered.
 */
watching: Array<ConversationId>, };

/**
 * What a token's bearer may do: `agent` ⊂ `supervisor` ⊂ `admin`; `channel` has HTTP only.
 */
export type Role = "agent" | "supervisor" | "admin" | "channel";

/**
 * How a queue's conversations find an agent.
 */
export type Routing = "manual" | "round_robin" | "least_loaded" | "longest_idle";

/**
 * A list that agents can pick.
 */
export type SavedView = {
/**
 * What to call it; each has a name of its own.
 */
name: string,
/**
 * What it shows.
 */
filter: Filter,
/**
 * In which order.
 */
sort: Sort,
/**
 * Who is offered it: everyone, unless it is said otherwise.
 */
shared_with: ViewAudience, };

/**
 * Answer the customer at a time to come, if one still holds the conversation then and nothing new was said.
 */
export type ScheduleReply = {
/**
 * In which conversation.
 */
conversation: ConversationId,
/**
 * The claim's token.
 */
token: number,
/**
 * Makes the command repeatable.
 */
key: string,
/**
 * The highest `seq` of this conversation that was shown to the sender.
 */
seen: number,
/**
 * What to say.
 */
text: string,
/**
 * Files with it.
 */
attachments?: Array<Attachment>,
/**
 * Where it leaves the conversation, when not `open`.
 */
then?: Then,
/**
 * When to send it.
 */
at: Time, };

/**
 * A reply that waits for its time. Its text stands in its event.
 */
export type ScheduledReply = {
/**
 * The message that it will be.
 */
message: MessageId,
/**
 * Whose.
 */
agent: AgentId,
/**
 * When it is sent.
 */
at: Time, };

/**
 * To `release`, `cancel_transfer`, `merge`.
 */
export type SeqAnswer = {
/**
 * The event's `seq`.
 */
seq: number, };

/**
 * A frame of the server.
 */
export type ServerFrame = { "type": "welcome" } & Welcome | { "type": "ok" } & OkFrame | { "type": "error" } & ErrorFrame | { "type": "event" } & EventEntry | { "type": "position",
/**
 * Up to where.
 */
seq: number,
/**
 * The chain's hash there.
 */
hash: string,
/**
 * The server's time.
 */
time: Time, } | { "type": "view_changed",
/**
 * The client's name for it.
 */
view: string,
/**
 * The feed's head that it shows.
 */
seq: number,
/**
 * How many conversations match.
 */
total: number,
/**
 * New and changed rows of the window, whole.
 */
upserts: Array<Summary>,
/**
 * Rows that left the window.
 */
removes: Array<ConversationId>,
/**
 * Every row of the window in order, when membership or order changed.
 */
order?: Array<ConversationId>, } | { "type": "summary",
/**
 * How it is.
 */
summary: Summary, } | { "type": "viewers",
/**
 * Which.
 */
conversation: ConversationId,
/**
 * How many agents.
 */
count: number,
/**
 * At most 50 of them.
 */
viewers: Array<Viewer>, } | { "type": "activity",
/**
 * The client's name for it.
 */
view: string,
/**
 * Rows whose activity changed.
 */
rows: Array<ActivityRow>, } | { "type": "presence",
/**
 * Those who changed.
 */
agents: Array<PresenceRow>, } | { "type": "stats" } & StatsFrame | { "type": "claim_lost",
/**
 * Of which conversation.
 */
conversation: ConversationId,
/**
 * The dead token.
 */
token: number,
/**
 * Who holds it now or ended the claim.
 */
by?: AgentId,
/**
 * Why, as the event says or as a person wrote.
 */
reason: string, } | { "type": "claim_gained",
/**
 * Which.
 */
conversation: ConversationId,
/**
 * The claim's token.
 */
token: number,
/**
 * How.
 */
via: GrantVia,
/**
 * From whom.
 */
from?: AgentId, } | { "type": "offer" } & OfferInfo | { "type": "offer_gone",
/**
 * Of which conversation.
 */
conversation: ConversationId,
/**
 * Why: `accepted`, or how it was declined.
 */
reason: string, } | { "type": "mention",
/**
 * The note's `seq`.
 */
seq: number,
/**
 * Where.
 */
conversation: ConversationId,
/**
 * Which note.
 */
note: NoteId,
/**
 * Who wrote it.
 */
by: AgentId,
/**
 * Its beginning.
 */
excerpt: string,
/**
 * How many mentions are unread now.
 */
unread: number, } | { "type": "mentions_read",
/**
 * Up to where.
 */
up_to: number,
/**
 * How many are left.
 */
unread: number, } | { "type": "read_marks",
/**
 * In which conversation.
 */
conversation: ConversationId,
/**
 * Who, and how far.
 */
marks: Array<ReadMark>, } | { "type": "token_expiring", } | { "type": "revoked",
/**
 * Which.
 */
conversation: ConversationId, } | { "type": "resync",
/**
 * Why.
 */
reason: string,
/**
 * The new epoch.
 */
epoch?: string,
/**
 * The head in the new epoch.
 */
seq?: number, } | { "type": "snapshot" } & SnapshotFrame | { "type": "reconnect",
/**
 * After so many milliseconds.
 */
after_ms: number,
/**
 * Why.
 */
reason: string, };

/**
 * A promise about time.
 */
export type ServiceLevel = {
/**
 * What to call it.
 */
name: string,
/**
 * For which conversations it is made.
 */
match: Match,
/**
 * A new customer is answered within so many seconds; absent: not promised.
 */
first_response_s?: number,
/**
 * Every later message is answered within so many seconds; absent: not promised.
 */
next_response_s?: number,
/**
 * The conversation is resolved within so many seconds; absent: not promised.
 */
resolution_s?: number,
/**
 * After which part of its time a promise is at risk.
 */
warn_at: Fraction,
/**
 * The hours in which its seconds count; absent: always.
 */
hours?: string, };

/**
 * Say how present one is. Belongs to the agent, not to the session.
 */
export type SetPresence = {
/**
 * How present.
 */
status: Presence,
/**
 * Whose; supervisors may say it of somebody else. Absent: one's own.
 */
agent?: AgentId,
/**
 * Why.
 */
reason?: string,
/**
 * Makes the command repeatable.
 */
key?: string, };

/**
 * Set all that a workspace can set. Setting what is set already changes nothing.
 */
export type SetSettings = {
/**
 * All of it: what is left out has its default.
 */
settings: WorkspaceSettings,
/**
 * The version that the client saw; another one is `conflict`.
 */
expect?: number,
/**
 * Makes the command repeatable.
 */
key?: string, };

/**
 * To `set_settings`, and over HTTP.
 */
export type SetSettingsAnswer = {
/**
 * Which version of the settings it is.
 */
version: number, };

/**
 * To `settings`, and over HTTP.
 */
export type SettingsAnswer = {
/**
 * Which version of them it is: one more with every change; 0 while nothing was set.
 */
version: number,
/**
 * All that the workspace has set.
 */
settings: WorkspaceSettings, };

/**
 * Ask what the workspace has set.
 */
export type SettingsCommand = Record<symbol, never>;

/**
 * What is promised to the customer of a conversation at present.
 */
export type SlaSummary = {
/**
 * The first reply.
 */
first_response?: PromiseSummary,
/**
 * The next reply.
 */
next_response?: PromiseSummary,
/**
 * The end.
 */
resolution?: PromiseSummary,
/**
 * The nearest of their times, also when it is over; absent while all are paused.
 */
due_at?: Time, };

/**
 * A promise about time.
 */
export type SlaTarget = "first_response" | "next_response" | "resolution";

/**
 * A snapshot that replaces what the client had.
 */
export type SnapshotFrame = { "of": "watch",
/**
 * Which.
 */
conversation: ConversationId,
/**
 * The conversation.
 */
summary: Summary,
/**
 * Its latest entries, oldest first.
 */
entries: Array<EventEntry>,
/**
 * Whether there are older ones.
 */
more: boolean,
/**
 * Who looks at it.
 */
viewers: Array<Viewer>, } | { "of": "view",
/**
 * The client's name for it.
 */
view: string,
/**
 * The feed's head that it shows.
 */
seq: number,
/**
 * How many conversations match.
 */
total: number,
/**
 * The rows of the window, in order.
 */
conversations: Array<Summary>,
/**
 * The window was too large for one frame: the rest follows in `view_changed`.
 */
more?: boolean, };

/**
 * The order of a list. Total orders; ties by `id`.
 */
export type Sort = "waiting" | "newest" | "oldest" | "priority" | "last_activity" | "due";

/**
 * Make two conversations of one: messages of a conversation become a new one's, of the same customer.
 */
export type Split = {
/**
 * The conversation.
 */
conversation: ConversationId,
/**
 * The messages that move: at least one, each once.
 */
messages: Array<MessageId>,
/**
 * What the new conversation is about.
 */
subject?: string,
/**
 * The conversation's summary, or some of its fields, as the client saw it; a difference is `conflict`.
 */
expect?: Partial<Summary>,
/**
 * Makes the command repeatable.
 */
key?: string, };

/**
 * To `split`.
 */
export type SplitAnswer = {
/**
 * The new conversation.
 */
conversation: ConversationId, };

/**
 * How many agents are how present.
 */
export type Standings = {
/**
 * Connected, and take work.
 */
online: number,
/**
 * Connected, and away.
 */
away: number,
/**
 * Connected, and take no more.
 */
busy: number,
/**
 * Without a session.
 */
gone: number,
/**
 * How many conversations they hold, or are asked to take.
 */
load: number,
/**
 * How many those of them may hold who are online, away or busy; null: some of these have no limit.
 */
capacity: number | null, };

/**
 * `stats`: rows that changed since the last one, each replacing the one before. The first one after `watch_stats`, and
 * after a client took too little, says `whole`: it replaces everything, and more agents may follow in the next ones.
 */
export type StatsFrame = {
/**
 * When it was counted.
 */
at: Time,
/**
 * Whether it replaces everything that the client had.
 */
whole: boolean,
/**
 * The whole workspace; absent: as before.
 */
workspace?: WorkspaceStats,
/**
 * The queues that changed.
 */
queues?: Array<QueueStats>,
/**
 * The teams that changed.
 */
teams?: Array<TeamStats>,
/**
 * The agents that changed.
 */
agents?: Array<AgentStats>, };

/**
 * Where a conversation stands.
 */
export type Status = "new" | "open" | "pending" | "resolved" | "closed";

/**
 * A conversation as lists show it. Unless it is said otherwise, every field is always present; null means none.
 */
export type Summary = {
/**
 * Its id.
 */
id: ConversationId,
/**
 * The `seq` of its latest event.
 */
version: number,
/**
 * Where it stands.
 */
status: Status,
/**
 * When it wakes, while it is snoozed.
 */
snoozed_until: Time | null,
/**
 * Where it came from.
 */
channel: ChannelId,
/**
 * Who wrote.
 */
customer: Customer,
/**
 * What it is about.
 */
subject: string | null,
/**
 * Where it waits.
 */
queue: QueueId,
/**
 * How urgent it is.
 */
priority: Priority,
/**
 * Its tags, sorted.
 */
tags: Array<string>,
/**
 * Who is responsible.
 */
assignee: AgentId | null,
/**
 * Which team is responsible.
 */
team: TeamId | null,
/**
 * Who holds it.
 */
claim: Claim | null,
/**
 * A transfer that waits for an answer.
 */
offer: Offer | null,
/**
 * The oldest customer message after the last reply.
 */
waiting_since: Time | null,
/**
 * How many customer messages came after the last reply.
 */
unanswered: number,
/**
 * The last message.
 */
last_message: LastMessage | null,
/**
 * When the first reply was stored.
 */
first_response_at: Time | null,
/**
 * Promises about time.
 */
sla: SlaSummary | null,
/**
 * A reply that waits for its time; absent without one.
 */
scheduled?: ScheduledReply,
/**
 * What the customer thought of it.
 */
rating: Rating | null,
/**
 * When it was opened.
 */
opened_at: Time, };

/**
 * A tag condition: any of, all of, none of.
 */
export type TagFilter = {
/**
 * At least one of these.
 */
any?: Array<string>,
/**
 * Each of these.
 */
all?: Array<string>,
/**
 * None of these.
 */
none?: Array<string>, };

/**
 * Take a conversation from its holder.
 */
export type TakeOver = {
/**
 * Which.
 */
conversation: ConversationId,
/**
 * Why; the loser reads it.
 */
reason: string,
/**
 * Makes the command repeatable.
 */
key?: string, };

/**
 * A named group of agents.
 */
export type TeamId = string;

/**
 * A team and who belongs to it.
 */
export type TeamRow = {
/**
 * The id.
 */
id: TeamId,
/**
 * Its members.
 */
members: Array<AgentId>, };

/**
 * A team.
 */
export type TeamSettings = {
/**
 * The team.
 */
id: TeamId,
/**
 * What to call it; its id otherwise.
 */
name?: string,
/**
 * Its members, besides those whose tokens name it.
 */
members: Array<AgentId>, };

/**
 * A team: the conversations for which it is responsible, and its members.
 */
export type TeamStats = {
/**
 * Which.
 */
id: TeamId,
/**
 * Its members.
 */
agents: Standings,
/**
 * Their customer waits for an answer.
 */
waiting: number,
/**
 * Since when the longest of them waits; null: none does.
 */
oldest_waiting_since: Time | null,
/**
 * New or open, and nobody holds them.
 */
unclaimed: number,
/**
 * Somebody holds them.
 */
claimed: number,
/**
 * Pending.
 */
pending: number,
/**
 * A promise about time is at risk, none is broken.
 */
at_risk: number,
/**
 * A promise about time is broken.
 */
breached: number,
/**
 * Customers' messages in the last minute.
 */
arrivals_per_minute: number,
/**
 * Replies in the last minute.
 */
replies_per_minute: number,
/**
 * From the opening by a customer to the first reply.
 */
first_response: Durations,
/**
 * From a claim to its end.
 */
handle_time: Durations, };

/**
 * Where a reply leaves the conversation, when not `open`.
 */
export type Then = "pending" | "resolved";

/**
 * The channel's own name for a thread of messages, compared bytewise.
 */
export type ThreadId = string;

/**
 * A moment, in milliseconds since the Unix epoch; on the wire `2026-11-21T10:00:00.123Z`.
 */
export type Time = string;

/**
 * To `answer_transfer`, `take_over`.
 */
export type TokenAnswer = {
/**
 * The claim's token; absent when declined.
 */
token?: number, };

/**
 * Offer one's conversation to somebody.
 */
export type Transfer = {
/**
 * Which conversation.
 */
conversation: ConversationId,
/**
 * The claim's token.
 */
token: number,
/**
 * To whom.
 */
to: TransferTo,
/**
 * A word with it.
 */
note?: string,
/**
 * Makes the command repeatable.
 */
key?: string, };

/**
 * To `transfer`.
 */
export type TransferAnswer = {
/**
 * The offer's `seq`.
 */
seq: number,
/**
 * When the offer ends by itself.
 */
expires_at: Time, };

/**
 * To whom a transfer is offered.
 */
export type TransferTo = { "agent": AgentId } | { "team": TeamId };

/**
 * What somebody is typing.
 */
export type Typing = "reply" | "note";

/**
 * A sign of typing. It has no `id` and no answer.
 */
export type TypingSignal = {
/**
 * Where.
 */
conversation: ConversationId,
/**
 * What.
 */
in: Typing,
/**
 * Whether it goes on.
 */
on: boolean, };

/**
 * Follow a conversation no longer.
 */
export type Unwatch = {
/**
 * Which.
 */
conversation: ConversationId, };

/**
 * Follow the agents no longer.
 */
export type UnwatchAgents = Record<symbol, never>;

/**
 * Follow the statistics no longer.
 */
export type UnwatchStats = Record<symbol, never>;

/**
 * Change a conversation, all of it in one commit.
 */
export type Update = {
/**
 * Which.
 */
conversation: ConversationId,
/**
 * Makes the command repeatable.
 */
key?: string,
/**
 * The state that the client saw; a difference is `conflict`.
 */
expect?: Partial<Summary>,
/**
 * Where it stands.
 */
status?: Status,
/**
 * When a pending one wakes; null wakes it no more.
 */
snoozed_until?: string | null,
/**
 * How urgent it is.
 */
priority?: Priority,
/**
 * Where it waits.
 */
queue?: QueueId,
/**
 * Who is responsible; null for nobody.
 */
assignee?: AgentId | null,
/**
 * Which team is responsible; null for none.
 */
team?: TeamId | null,
/**
 * What it is about; null for nothing.
 */
subject?: string | null,
/**
 * Tags to add.
 */
add_tags?: Array<string>,
/**
 * Tags to remove.
 */
remove_tags?: Array<string>, };

/**
 * To `update`.
 */
export type UpdateAnswer = {
/**
 * The last event's `seq`; absent when nothing changed.
 */
seq?: number, };

/**
 * Who is offered a saved view.
 */
export type ViewAudience = "everyone" | { "team": TeamId } | { "agent": AgentId };

/**
 * A person who looks at a conversation.
 */
export type Viewer = {
/**
 * Who.
 */
agent: AgentId,
/**
 * Since when.
 */
since: Time,
/**
 * What they are typing.
 */
typing?: Typing, };

/**
 * Follow a conversation.
 */
export type Watch = {
/**
 * Which.
 */
conversation: ConversationId,
/**
 * How many of its latest entries to send; 50 by default.
 */
limit?: number,
/**
 * Supervisors: not to be seen among the viewers.
 */
silent?: boolean, };

/**
 * Follow the agents.
 */
export type WatchAgents = Record<symbol, never>;

/**
 * To `watch_agents`.
 */
export type WatchAgentsAnswer = {
/**
 * Every known agent.
 */
agents: Array<AgentRow>,
/**
 * Every known team.
 */
teams: Array<TeamRow>,
/**
 * There were too many agents for one frame: the rest follows in `presence`.
 */
more?: boolean, };

/**
 * To `watch`.
 */
export type WatchAnswer = {
/**
 * The conversation.
 */
summary: Summary,
/**
 * Its latest entries, oldest first.
 */
entries: Array<EventEntry>,
/**
 * Whether there are older ones.
 */
more: boolean,
/**
 * Who looks at it.
 */
viewers: Array<Viewer>, };

/**
 * Follow the statistics: `stats` follows, at most once a second, only when something changed.
 */
export type WatchStats = Record<symbol, never>;

/**
 * The answer to `hello`.
 */
export type Welcome = {
/**
 * The hello's `id`.
 */
id: number,
/**
 * This session.
 */
session: string,
/**
 * The workspace.
 */
workspace: WorkspaceId,
/**
 * Who one is.
 */
agent: AgentInfo,
/**
 * Names the feed's history.
 */
epoch: string,
/**
 * The feed's head.
 */
seq: number,
/**
 * The chain's hash there.
 */
hash: string,
/**
 * Whether the replay follows.
 */
resumed: boolean,
/**
 * The server's time.
 */
time: Time,
/**
 * How often the server pings.
 */
heartbeat_seconds: number,
/**
 * The contract's limits.
 */
limits: Limits,
/**
 * What the server knows beyond the contract.
 */
features: Array<string>,
/**
 * How many mentions are unread.
 */
unread_mentions: number,
/**
 * What one holds.
 */
claims: Array<HeldClaim>,
/**
 * What one is offered.
 */
offers: Array<OfferInfo>, };

/**
 * A tenant: a wall between everything.
 */
export type WorkspaceId = string;

/**
 * All that a workspace has set. Everything has a default: `{}` sets nothing, and the server's configuration holds.
 */
export type WorkspaceSettings = {
/**
 * Where conversations wait, and how they find an agent. A queue that is not listed here is worked by hand.
 */
queues: Array<QueueSettings>,
/**
 * Teams, with members besides those whose tokens name them.
 */
teams: Array<TeamSettings>,
/**
 * What is known of single agents besides their tokens.
 */
agents: Array<AgentSettings>,
/**
 * How many conversations an agent is given who is not listed in `agents`.
 */
capacity: Capacity,
/**
 * Promises about time: the first one that matches a conversation holds for it.
 */
service_levels: Array<ServiceLevel>,
/**
 * Opening hours, by the name under which service levels use them.
 */
hours: Record<string, Hours>,
/**
 * How claims live and end.
 */
claims: ClaimSettings,
/**
 * An agent who did nothing for so many seconds counts as away; absent: never.
 */
away_after_s?: number,
/**
 * What happens by itself when a conversation waits too long.
 */
escalations: Array<Escalation>,
/**
 * A resolved conversation closes after so many days; absent: never by itself.
 */
auto_close_after_days?: number,
/**
 * Replies that agents can pick.
 */
canned: Array<Canned>,
/**
 * Lists that agents can pick.
 */
views: Array<SavedView>, };

/**
 * The whole workspace.
 */
export type WorkspaceStats = {
/**
 * Its agents.
 */
agents: Standings,
/**
 * What customers never saw in the last day.
 */
collisions: Collisions,
/**
 * What they never saw in the last hour.
 */
collisions_hour: Collisions,
/**
 * Their customer waits for an answer.
 */
waiting: number,
/**
 * Since when the longest of them waits; null: none does.
 */
oldest_waiting_since: Time | null,
/**
 * New or open, and nobody holds them.
 */
unclaimed: number,
/**
 * Somebody holds them.
 */
claimed: number,
/**
 * Pending.
 */
pending: number,
/**
 * A promise about time is at risk, none is broken.
 */
at_risk: number,
/**
 * A promise about time is broken.
 */
breached: number,
/**
 * Customers' messages in the last minute.
 */
arrivals_per_minute: number,
/**
 * Replies in the last minute.
 */
replies_per_minute: number,
/**
 * From the opening by a customer to the first reply.
 */
first_response: Durations,
/**
 * From a claim to its end.
 */
handle_time: Durations, };

/** A frame of a client: the first one, a command, or a sign of typing. */
export type ClientFrame =
  | ({ type: "hello"; id: number } & Hello)
  | (Command & { id: number })
  | ({ type: "typing" } & TypingSignal);

/** All event kinds. */
export type EventKind = Event["kind"];

/** What `ok` carries, by command. */
export interface Answers {
  watch: WatchAnswer;
  unwatch: Record<string, never>;
  history: EntriesAnswer;
  open_view: OpenViewAnswer;
  close_view: Record<string, never>;
  list: ListAnswer;
  open: OpenAnswer;
  claim: ClaimAnswer;
  release: SeqAnswer;
  transfer: TransferAnswer;
  cancel_transfer: SeqAnswer;
  answer_transfer: TokenAnswer;
  take_over: TokenAnswer;
  reply: ReplyAnswer;
  schedule_reply: ReplyAnswer;
  cancel_scheduled: SeqAnswer;
  note: NoteAnswer;
  update: UpdateAnswer;
  bulk: BulkAnswer;
  merge: SeqAnswer;
  split: SplitAnswer;
  set_presence: Record<string, never>;
  mark_read: Record<string, never>;
  read_marks: ReadMarksAnswer;
  mentions: MentionsAnswer;
  read_mentions: ReadMentionsAnswer;
  watch_agents: WatchAgentsAnswer;
  unwatch_agents: Record<string, never>;
  watch_stats: Record<string, never>;
  unwatch_stats: Record<string, never>;
  settings: SettingsAnswer;
  set_settings: SetSettingsAnswer;
  refresh: Record<string, never>;
  ping: PingAnswer;
}
