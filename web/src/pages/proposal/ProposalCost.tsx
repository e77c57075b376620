import type { Proposal } from "~/api/types.ts";
import { bytes, durationRange } from "~/format.ts";
import { EvidenceList } from "~/ui/EvidenceList.tsx";
import { Section } from "~/ui/Page.tsx";

/** What it takes to run it, what it costs afterwards, and what could go wrong. */
export function ProposalCost({ proposal }: { proposal: Proposal }) {
  return (
    <Section title="What it costs, and what could go wrong">
      <EvidenceList
        of={[
          { label: "Lock", value: proposal.lock, source: "" },
          { label: "Takes", value: durationRange(proposal.duration_estimate_s), source: "estimated" },
          { label: "Size on disk", value: bytes(proposal.size_bytes), source: "estimated" },
          { label: "Writes", value: proposal.write_cost, source: "estimated" },
        ]}
      />
      {proposal.risks.length > 0 && (
        <ul style={{ margin: "12px 0 0", paddingLeft: 18, lineHeight: 1.7 }}>
          {proposal.risks.map((risk) => (
            <li key={risk}>{risk}</li>
          ))}
        </ul>
      )}
      <p style={{ margin: "12px 0 0", color: "var(--mantine-color-dimmed)" }}>
        {proposal.tried !== "before_after"
          ? "In each pair of turns the statements are compared with the change and without it. What harms is undone, what helps is kept, and what can't be told is undone at the end."
          : proposal.kind === "set_parameter"
          ? "Once it is in force, the busiest statements are compared with the time before. What harms is undone at once; the rest is yours to keep, or it goes when the trial ends."
          : "After it ran, the touched statements are measured against others. What harms is undone at once, what does not help is undone at the end of the trial."}
      </p>
    </Section>
  );
}
