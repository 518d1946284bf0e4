/** @template {object} Events What is told, by name. */
export declare class Emitter<Events extends object> {
    #private;
    /**
     * Listens. The answer ends it.
     * @template {keyof Events} K
     * @param {K} name
     * @param {(value: Events[K]) => void} listener
     * @returns {() => void}
     */
    on<K extends keyof Events>(name: K, listener: (value: Events[K]) => void): () => void;
    /**
     * Tells. A listener that throws stops neither the others nor the connection: its error is thrown on its own.
     * @template {keyof Events} K
     * @param {K} name
     * @param {Events[K]} value
     * @protected
     */
    protected emit<K extends keyof Events>(name: K, value: Events[K]): void;
}
