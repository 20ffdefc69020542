/** Line icons on a grid of 16. They say nothing that the text beside them does not. */
import type { ComponentChildren } from "preact";

function Icon({ children }: { children: ComponentChildren }) {
  return (
    <svg
      class="icon"
      viewBox="0 0 16 16"
      width="16"
      height="16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.6"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {children}
    </svg>
  );
}

const icon = (path: string) => () => (
  <Icon>
    <path d={path} />
  </Icon>
);

export const OverviewIcon = icon("M2 13.5V9m4 4.5V4.5m4 9V7m4 6.5V2.5");
export const LettersIcon = icon("M1.8 4h12.4v8.5H1.8zM2 4.4l6 4.4 6-4.4");
export const SearchIcon = icon("M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10Zm3.6-1.4L14 14");
export const PauseIcon = icon("M5.5 3.5v9m5-9v9");
export const PlayIcon = icon("M5 3.2v9.6L12.5 8z");
export const RefreshIcon = icon("M13.5 8a5.5 5.5 0 1 1-1.7-4M13.5 1.8V5h-3.2");
export const ReplayIcon = icon("M2.5 8a5.5 5.5 0 1 0 1.7-4M2.5 1.8V5h3.2");
export const EditIcon = icon("M10.5 2.8l2.7 2.7-7.6 7.6-3.3.6.6-3.3z");
export const BinIcon = icon("M2.5 4.2h11M6 4V2.4h4V4m2.6.4-.6 9.2H4l-.6-9.2M6.7 7v4m2.6-4v4");
export const CopyIcon = icon("M5.5 5.5h8v8h-8zM10.5 5.3V2.5h-8v8h2.8");
export const DownloadIcon = icon("M8 2.2v8m-3.2-3L8 10.4l3.2-3.2M2.5 13.5h11");
export const CloseIcon = icon("M3.5 3.5l9 9m0-9l-9 9");
export const WarnIcon = icon("M8 2 1.5 13.5h13zM8 6.5v3.2m0 1.9v.1");
export const CheckIcon = icon("M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM5.4 8.2l1.8 1.8 3.4-3.8");
export const DeadIcon = icon("M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM6 6l4 4m0-4l-4 4");
export const ClockIcon = icon("M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 4.8V8l2.2 1.6");
export const RunIcon = icon("M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM6.8 5.6v4.8L10.4 8z");
export const OpenIcon = icon("M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12Z");
export const LockIcon = icon("M3.5 7.2h9v6.3h-9zM5.5 7V5a2.5 2.5 0 0 1 5 0v2");
export const ArrowIcon = icon("M6 3.5 10.5 8 6 12.5");
