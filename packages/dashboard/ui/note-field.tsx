export function NoteField({ value, onInput }: { value: string; onInput(value: string): void }) {
  return (
    <label class="field">
      <span>
        Note <span class="quiet">(optional)</span>
      </span>
      <input
        type="text"
        value={value}
        maxLength={500}
        autocomplete="off"
        placeholder="Why, for whoever reads the history"
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </label>
  );
}
