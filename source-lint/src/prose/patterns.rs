//! The patterns of prose that a regular expression finds, each with the better wording.

/// A pattern that must not match.
pub(crate) struct Pattern {
    /// Short name, printed with the finding.
    pub(crate) rule: &'static str,
    /// Regular expression; letter case does not matter unless it says `(?-i)`.
    pub(crate) regex: &'static str,
    /// A match that matches this as well is right English.
    pub(crate) except: &'static str,
    /// The better wording.
    pub(crate) hint: &'static str,
    /// Matches only at the beginning of a doc comment.
    pub(crate) opens_doc: bool,
    /// Text that the tests expect to be found, and text that must not be.
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests read the examples"))]
    pub(crate) example: (&'static str, &'static str),
}

const fn phrase(regex: &'static str, hint: &'static str, example: (&'static str, &'static str)) -> Pattern {
    Pattern { rule: "phrase", regex, except: "", hint, opens_doc: false, example }
}

const fn opening(regex: &'static str, hint: &'static str, example: (&'static str, &'static str)) -> Pattern {
    Pattern { rule: "doc-opening", regex, except: "", hint, opens_doc: true, example }
}

/// All patterns. A new one is one entry here; its two examples are its test.
pub(crate) const PATTERNS: &[Pattern] = &[
    Pattern {
        rule: "no-for-not-a",
        regex: r"\b\w+(?:'s)? (?:is|are|was|were|be) no \w+",
        except: r"^there |^(?:is|are) there |\bno (?:longer|more|less|fewer|better|worse|other|use|larger|smaller|way|need|reason|different)$",
        hint: "write \"is not a\"",
        opens_doc: false,
        example: ("this is no CalDAV server", "there is no calendar, and it is no longer needed"),
    },
    phrase(
        r"(?-i:(?:^|[.;:] )(?:Who|Whoever|What|Whatever|Which|Where|who|whoever|what|whatever))(?: [\w'-]+){1,9}, (?:is|are|was|were|has|have|does|do|goes|gets|stays|comes|needs|takes|must|may|can|will|wants|looks|keeps)\b",
        "name the subject and drop the comma",
        (
            "What it does not bring, is asked for alone.",
            "What it does not bring is fetched, and the rest is kept.",
        ),
    ),
    opening(
        r"^(?:Who|Whoever|What|Whatever|Where|Why|How(?: an?| the| it| they| to)) ",
        "begin with a verb (\"Returns …\") or a noun (\"Seconds …\", \"Reason …\")",
        ("What became of an item.", "Outcome of an item: what became of it."),
    ),
    opening(
        r"^(?:It|They|He|She|Its|Their)\b",
        "begin with a verb or a noun; the pronoun has nothing to refer to",
        ("It is not there.", "The resource does not exist; it was deleted."),
    ),
    phrase(
        r"\b(?:answers?|looks?) whether\b",
        "write \"returns true if\" or \"checks whether\"",
        ("Answers whether all of them came.", "Checks whether all of them came."),
    ),
    phrase(
        r"\bby (?:this|these|those|its|such) (?:options?|settings|limits|arguments|parameters|values)\b",
        "write \"from\" or \"with\"",
        ("An importer by these options.", "Creates an importer from these options."),
    ),
    phrase(r"\bwhoever\b", "name the caller", ("whoever reads it", "the caller that reads it")),
    phrase(r"\banew\b", "again, or new", ("written anew", "written again")),
    phrase(r"\bfor ever\b", "forever, or without end", ("waits for ever", "waits forever")),
    phrase(r"\ball the same\b", "nevertheless, or anyway", ("sends all the same", "all of the same kind")),
    phrase(
        r"\b(?:but for|whole but)\b",
        "except for, or except",
        ("whole but for what is named", "but a source differs, for example"),
    ),
    phrase(
        r"\b(?:mend|mends|mended|mending)\b",
        "repair, correct, fix",
        ("the next run mends it", "amended"),
    ),
    phrase(
        r"\b(?:heal|heals|healed|healing)\b",
        "recover; a server is restarted or repaired",
        ("when the server has healed", "a healthy server"),
    ),
    phrase(
        r"\b(?:in trouble|(?:bad|good) mood|habits?)\b",
        "servers are not persons: overloaded, failing; behaviour",
        ("a server in trouble", "an overloaded server"),
    ),
    phrase(
        r"\b(?:servers?|accounts?|plugin|component|host|connector) (?:is|are|was|were|feels?|looks?) (?:well|ill|sick|happy|unhappy|tired)\b",
        "say what was observed: available, unavailable",
        ("while the server is well", "while the server is available"),
    ),
    phrase(
        r"\bservers? (?:says?|said|tells?|told|remarks?|thinks?|knows?|wants?|wishes|likes?|obeys?|minds?|forgets?|remembers?|promises?)\b",
        "servers report, return, send, support, reject, ignore",
        ("what the server says", "what the server returns"),
    ),
    phrase(
        r"\b(?:remarks?|remarked|remarking)\b",
        "notice, reports",
        ("prints its remarks", "prints its notices"),
    ),
    phrase(
        r"\bended well\b|\bends well\b",
        "succeeded, completed",
        ("when the listing ended well", "when the listing is complete"),
    ),
    phrase(r"\bby other means\b", "name the means, or \"yourself\"", ("by other means", "by no means")),
    phrase(r"\byardsticks?\b", "baseline", ("as the yardstick", "as the baseline")),
    phrase(
        r"\btold apart\b|\btells? (?:them|these|it) apart\b",
        "distinguish",
        ("names are told apart", "he told a part"),
    ),
    phrase(r"\bheld against\b", "compared with", ("answers are held against it", "held by the limit")),
    phrase(
        r"\bis kept from (?:that|this|it)\b",
        "is prevented",
        ("it is kept from that", "is kept from run to run"),
    ),
    phrase(
        r"\bit takes to\b",
        "needed to, required for",
        ("everything it takes to back up", "it takes two requests"),
    ),
    phrase(
        r"\bsays? nothing of\b|\bsay nothing about\b",
        "does not indicate",
        ("it says nothing of how they go on", "nothing is said"),
    ),
    phrase(
        r"\b(?:somebody|nobody) (?:listens|waits|needs|wants|asks)\b",
        "name who: the receiver, the caller",
        ("nobody listens any more", "nobody is invited"),
    ),
    phrase(
        r"\bwho no longer\b",
        "name who: the receiver, the caller",
        ("Who no longer waits", "he no longer waits"),
    ),
    phrase(r"\bat last (?:alone|singly|one)\b", "finally", ("in halves and at last alone", "at last count")),
];
