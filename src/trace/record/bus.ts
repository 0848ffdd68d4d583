/**
 * Event bus that traces what it carries. What is published while an event is processed was caused by it: which
 * one that is follows the flow of the program, across `await` and with any number of handlers at work,
 * since it is kept with each flow and not in a field.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { TracedEvent } from "../event/event.ts";
import type { NewTracedEvent } from "../event/complete.ts";
import type { Tracer, TraceSpan } from "./tracer.ts";

/** The methods that a bus needs: an `EventTarget` has them. */
export interface EventBus {
  addEventListener(type: string, listener: (event: Event) => void): void;
  removeEventListener(type: string, listener: (event: Event) => void): void;
  dispatchEvent(event: Event): boolean;
}

/** An event on its way to be published. */
export type Publication = NewTracedEvent;

/** Something that emits or receives events: its name, or an object that has one. */
export type Container = string | { readonly name: string };

/** What goes over the bus: the event as it was published, and as it was traced. */
export class BusMessage extends Event {
  constructor(readonly publication: Publication, readonly delivery: Delivery | undefined) {
    super(publication.event_type);
  }

  /** The event as it was traced; undefined without a tracer. */
  get traced(): TracedEvent | undefined {
    return this.delivery?.span.event;
  }
}

/** Takes an event off the bus. */
export type Handler = (publication: Publication, message: BusMessage) => unknown;

/** How far the handlers of one event are. */
class Delivery {
  #at_work = 0;
  #is_sent = false;

  constructor(readonly span: TraceSpan) {}

  begin(): void {
    this.#at_work++;
    this.span.received();
  }

  end(): void {
    this.#at_work--;
    this.#settle();
  }

  /** All listeners have been called. */
  sent(): void {
    this.#is_sent = true;
    if (this.span.event.received_at !== null) this.#settle();
  }

  /** Processing ends with the last of the handlers. */
  #settle(): void {
    if (this.#is_sent && this.#at_work === 0) this.span.processed();
  }
}

const processing = new AsyncLocalStorage<TracedEvent>();

/** The event that is being processed where this is called; undefined outside of handlers. */
export function currentEvent(): TracedEvent | undefined {
  return processing.getStore();
}

/**
 * Publishes events over a bus and traces them. Handlers are subscribed here, so that it is known what
 * they are at work on; a listener on the bus itself gets the same messages, untraced.
 */
export class TracedEventBus {
  #correlation_id?: string;
  readonly #bus: EventBus;

  constructor(readonly name: string, readonly tracer?: Tracer, bus: EventBus = new EventTarget()) {
    this.#bus = bus;
  }

  /** The correlation of everything that is published here from now on. */
  setCorrelationId(correlation_id: string): void {
    this.#correlation_id = correlation_id;
  }

  /** Calls back for events of a type; the returned function stops that. */
  subscribe(event_type: string, handler: Handler): () => void {
    const listener = (event: Event) => {
      const message = event as BusMessage;
      const { delivery } = message;
      if (!delivery) return handler(message.publication, message);
      delivery.begin();
      processing.run(delivery.span.event, () => handle(handler, message, delivery));
    };
    this.#bus.addEventListener(event_type, listener);
    return () => this.#bus.removeEventListener(event_type, listener);
  }

  /** Publishes an event. Returns it as it was traced; undefined without a tracer. */
  publish(
    publication: Publication,
    source?: Container,
    destination?: Container,
  ): TracedEvent | undefined {
    const cause = processing.getStore();
    const span = this.tracer?.begin(publication, {
      correlation_id: this.#correlation_id,
      inherited_correlation_id: cause?.correlation_id,
      causation_id: cause?.event_id,
      source_container: nameOf(source) ?? this.name,
      destination: nameOf(destination),
    });
    const delivery = span && new Delivery(span);
    this.#bus.dispatchEvent(new BusMessage(publication, delivery));
    delivery?.sent();
    return span?.event;
  }
}

/** What a handler throws, or its promise, goes on to where it would have gone without a trace. */
function handle(handler: Handler, message: BusMessage, delivery: Delivery): void {
  let result: unknown;
  try {
    result = handler(message.publication, message);
  } catch (error) {
    delivery.end();
    throw error;
  }
  if (result instanceof Promise) result.finally(() => delivery.end());
  else delivery.end();
}

function nameOf(container: Container | undefined): string | undefined {
  return typeof container === "object" ? container.name : container;
}
