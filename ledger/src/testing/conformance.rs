//! The suite as tests of another crate.

/// Makes a test of each of [`cases`](crate::testing::cases). The expression makes what opens one
/// ledger again and again: `Box<dyn FnMut() -> Box<dyn Ledger>>`; it is new at first, and each one is
/// dropped before the next is opened.
#[macro_export]
macro_rules! conformance {
    ($opener:expr) => {
        $crate::conformance!(@ $opener,
            is_empty_at_first
            keeps_its_tag
            reads_back_what_was_inserted
            replaces_state_head_and_tail
            removes_whole_entries
            commits_all_or_nothing
            applies_changes_in_order
            accepts_an_empty_commit
            never_uses_a_number_again
            refuses_what_is_out_of_range
            scans_by_state_and_from_a_number
            scans_more_than_fits_in_memory_at_once
            stops_when_told
            reads_of_the_writer_are_in_no_commits_way
            holds_nothing_while_it_calls_back
            sorts_facts_by_the_bytes_of_their_keys
            shows_readers_what_is_committed_only
            reads_on_other_threads_while_it_commits
            changes_nothing_by_tidying
            does_what_the_model_does
        );
    };
    (@ $opener:expr, $($case:ident)*) => {
        $(
            #[test]
            fn $case() {
                $crate::testing::cases::$case(&mut *$opener);
            }
        )*
    };
}
