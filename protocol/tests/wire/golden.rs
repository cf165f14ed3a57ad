//! The bytes of version 1, written out. A test here that fails means that peers of an earlier
//! release no longer understand this one: raise the protocol's version, or undo the change.

use protocol::*;

/// Bytes as hexadecimal text, for messages that say what differs.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[track_caller]
pub(crate) fn assert_body<T: serde::Serialize>(message: &T, expected: &str) {
    let expected: String = expected.split_whitespace().collect();
    assert_eq!(hex(&body_to_vec(message)), expected);
}

#[test]
fn preface() {
    assert_eq!(hex(&PREFACE), "4150535601000000");
}

#[test]
fn header() {
    let header = Header {
        length: 0x0403_0201,
        kind: Kind::Call,
        flags: FLAG_OUTPUT | FLAG_JSON,
        request_id: 0x1817_1615_1413_1211,
        settings: 0x0908,
        release_id: 0x2827_2625_2423_2221,
        budget_ms: 0x3433_3231,
        epoch: 0x4443_4241,
        trace: TraceContext { trace_id: [0x55; 16], span_id: [0x66; 8] },
    };
    let expected = concat!(
        "01020304",
        "10",
        "05",
        "0809",
        "1112131415161718",
        "2122232425262728",
        "31323334",
        "41424344",
        "55555555555555555555555555555555",
        "6666666666666666",
    );
    assert_eq!(hex(&header.to_bytes()), expected);
}

#[test]
fn kinds() {
    let kinds = [
        (Kind::Hello, 1),
        (Kind::Welcome, 2),
        (Kind::Refused, 3),
        (Kind::Call, 16),
        (Kind::Return, 17),
        (Kind::Failure, 18),
        (Kind::ControlRequest, 32),
        (Kind::ControlReply, 33),
        (Kind::Progress, 19),
        (Kind::JobRequest, 48),
        (Kind::JobReply, 49),
    ];
    for (kind, byte) in kinds {
        assert_eq!(Header::new(kind, 0).to_bytes()[4], byte, "{kind:?}");
    }
    assert_eq!((FLAG_OUTPUT, FLAG_SAMPLED, FLAG_JSON, FLAG_JOB), (1, 2, 4, 8));
}

#[test]
fn call_head() {
    let mut body = Vec::new();
    CallHead { function: "Cart::total" }.put(&mut body);
    assert_eq!(hex(&body), "0b00436172743a3a746f74616c");
}

fn app() -> AppName {
    AppName::new("shop").expect("a valid name")
}

#[test]
fn hello() {
    let hello = Hello {
        purpose: Purpose::Calls {
            app: app(),
            pool: DEFAULT_POOL.to_owned(),
            release: ReleaseId(0x0123),
        },
        client: ClientInfo { pid: 300, sapi: "cli".into(), version: "0.1.0".into() },
        catalog_hash: 127,
        token: Some("t".into()),
    };
    assert_body(
        &hello,
        "00 0473686f70 0764656661756c74 a302
         ac02 03636c69 05302e312e30
         7f 01 0174",
    );
    let hello = Hello { purpose: Purpose::Control, token: None, catalog_hash: 0, ..hello };
    assert_body(&hello, "01 ac02 03636c69 05302e312e30 00 00");
    let hello = Hello { purpose: Purpose::Jobs { app: app() }, ..hello };
    assert_body(&hello, "02 0473686f70 ac02 03636c69 05302e312e30 00 00");
}

#[test]
fn welcome() {
    let welcome = Welcome {
        version: "0.1.0".into(),
        connection: 0x1_0000_0002,
        app: app(),
        pool: RESIDENT_POOL.to_owned(),
        release: ReleaseId(9),
        routing: Routing {
            generation: 5,
            current: ReleaseId(9),
            number: 8,
            settings: 3,
            canary: Some(Canary { release: ReleaseId(10), number: 9, basis_points: 1000 }),
            notice: "n".to_owned(),
        },
        catalog_hash: 7,
        catalog: Some(catalog()),
        membership: Membership {
            epoch: 3,
            members: vec![Member { address: "unix:/run/a".into(), weight: 1 }],
        },
        limits: Limits { frame_bytes_max: FRAME_BYTES_MAX_DEFAULT, value_depth_max: 512 },
        executors_max: 4,
        busy_poll_us: 50,
        board: None,
        ledger: Some(0xabc),
    };
    assert_body(
        &welcome,
        "05302e312e30 8280808010 0473686f70 087265736964656e74 09 05 09 08 03 01 0a 09 e807 01 6e 07
         01 0473686f70 09 01
            0571756f7465 0764656661756c74
            01 03736b75 01 06737472696e67 01 01 022727 00 00 01 0131 01 0150 00
            00 01 e807 01 03736b75 01 01
            01 0141 01 00 0131
            00 05662e706870 03 00 01 01 0143 01 0149 014e
            01 0171 0000000000000000 0000000000000000 01 01 0163 00 01
            01 0170 01 03696e74 01
            01 e0d403 05 01 0174 01 01 00
         01 0143 01 00 01 0169 00 01 014b 0131 00 01 0164 00 00 00 05662e706870 07
         03 01 0b756e69783a2f72756e2f61 01
         80808020 8004
         04 32 00 01 bc15",
    );
}

fn catalog() -> Catalog {
    let param = Param {
        name: "sku".into(),
        ty: Some("string".into()),
        optional: true,
        default: Some("''".into()),
        by_ref: false,
        variadic: false,
        value: Some("1".into()),
        attributes: vec![Attribute { name: "P".into(), arguments: vec![] }],
    };
    let function = Function {
        name: "quote".into(),
        pool: DEFAULT_POOL.to_owned(),
        params: vec![param],
        returns: None,
        timeout_ms: Some(1000),
        affinity: Some("sku".into()),
        idempotent: true,
        isolation: Isolation::Resident,
        attributes: vec![Attribute { name: "A".into(), arguments: vec![(None, "1".into())] }],
        doc: None,
        file: "f.php".into(),
        line: 3,
        returns_by_ref: false,
        generator: true,
        classes: vec!["C".into()],
        imports: vec![("I".into(), "N".into())],
        job: JobOptions { queue: Some("q".into()), ..JobOptions::default() },
        job_class: true,
        schedules: vec![Schedule { cron: "c".into(), timezone: None, missed: Missed::Skip }],
        properties: vec![Property { name: "p".into(), ty: Some("int".into()), optional: true }],
        cache: Some(CachePolicy {
            ttl_ms: 60_000,
            negative_ms: 5,
            tags: vec!["t".into()],
            vary: Some(vec![0]),
        }),
    };
    let class = Class {
        name: "C".into(),
        is_final: true,
        is_abstract: false,
        instances: Some("i".into()),
        constructor: None,
        constants: vec![Constant {
            name: "K".into(),
            value: "1".into(),
            is_final: false,
            doc: Some("d".into()),
        }],
        attributes: vec![],
        doc: None,
        imports: vec![],
        file: "f.php".into(),
        line: 7,
    };
    Catalog { app: app(), release: ReleaseId(9), functions: vec![function], classes: vec![class] }
}

#[test]
fn refused() {
    let codes = [
        RefusedCode::UnknownApp,
        RefusedCode::UnknownPool,
        RefusedCode::ReleaseGone,
        RefusedCode::Denied,
        RefusedCode::TooManyConnections,
        RefusedCode::Protocol,
        RefusedCode::NotReady,
        RefusedCode::ShuttingDown,
        RefusedCode::NoJobStore,
    ];
    for (index, code) in (0u8..).zip(codes) {
        let refused = Refused { code, message: "m".into(), near: vec!["n".into()] };
        assert_body(&refused, &format!("{index:02x} 01 6d 01 01 6e"));
    }
}

#[test]
fn thrown() {
    let frame = TraceFrame {
        file: Some("f".into()),
        line: Some(4),
        class: Some("C".into()),
        arrow: Some("->".into()),
        function: "g".into(),
    };
    let thrown = Thrown {
        class: "E".into(),
        message: vec![0xff],
        code: -1,
        file: "f".into(),
        line: 200,
        trace: vec![frame],
        properties: vec![1, 2],
    };
    assert_body(
        &Failure::Thrown(vec![thrown]),
        "00 01
         0145 01ff 01 0166 c801
         01 01 0166 01 04 01 0143 01 022d3e 0167
         02 0102",
    );
}

#[test]
fn failures() {
    let file = || "f".to_owned();
    let fatal = |kind| Failure::Fatal { kind, message: b"m".to_vec(), file: file(), line: 1 };
    let died = |cause| Failure::Died { cause, function: "g".into(), hint: "h".into() };
    let text = || "t".to_owned();
    let cases = [
        (fatal(FatalKind::Exit), "01 00 016d 0166 01"),
        (fatal(FatalKind::Memory), "01 01 016d 0166 01"),
        (fatal(FatalKind::Error), "01 02 016d 0166 01"),
        (died(ExitCause::Signal(11)), "02 00 16 0167 0168"),
        (died(ExitCause::Status(-1)), "02 01 01 0167 0168"),
        (Failure::TimedOut { limit_ms: 300, killed: true }, "03 ac02 01"),
        (Failure::Cancelled, "04"),
        (Failure::UnknownFunction { function: text(), near: vec![text()] }, "05 0174 01 0174"),
        (Failure::NotCallable { function: text(), reason: text() }, "06 0174 0174"),
        (Failure::WrongPool { pool: text() }, "07 0174"),
        (Failure::WrongRelease { current: ReleaseId(9) }, "08 09"),
        (Failure::BadArguments { path: text(), reason: text() }, "09 0174 0174"),
        (Failure::BadResult { path: text(), reason: text() }, "0a 0174 0174"),
        (Failure::ReleaseGone { release: ReleaseId(9) }, "0b 09"),
        (Failure::Unavailable { reason: text(), ran: true }, "0c 0174 01"),
        (Failure::Protocol { reason: text() }, "0d 0174"),
        (Failure::Moved, "0e"),
        (Failure::JobThrown { chain: vec![], wish: Wish::GiveUp }, "0f 00 00"),
        (
            Failure::JobThrown {
                chain: vec![],
                wish: Wish::Retry { after_ms: Some(300), counts: true },
            },
            "0f 00 01 01ac02 01",
        ),
    ];
    for (failure, expected) in cases {
        assert_body(&failure, expected);
    }
}

#[test]
fn control() {
    assert_body(&ControlRequest::Status, "00");
    assert_body(&ControlRequest::Catalog { app: app() }, "01 0473686f70");
    assert_body(&ControlRequest::Cancel { connection: 1, request_id: 2 }, "02 01 02");
    assert_body(&ControlRequest::Membership, "03");
    assert_body(&ControlRequest::Routing { app: app() }, "04 0473686f70");
    let everything = ControlRequest::Invalidate { app: app(), function: None, tags: vec![] };
    assert_body(&everything, "05 0473686f70 00 00");
    let some = ControlRequest::Invalidate {
        app: app(),
        function: Some("f".into()),
        tags: vec!["t:1".into()],
    };
    assert_body(&some, "05 0473686f70 01 01 66 01 03 743a31");
    let empty = Catalog { app: app(), release: ReleaseId(9), functions: vec![], classes: vec![] };
    assert_body(&ControlReply::Catalog(empty), "01 0473686f70 09 00 00");
    assert_body(&ControlReply::Cancelled { found: true }, "02 01");
    assert_body(&ControlReply::Membership(Membership::default()), "03 00 00");
    let refused = ControlReply::Refused { message: "m".into(), near: vec![] };
    assert_body(&refused, "04 01 6d 00");
    assert_body(&ControlReply::Routing(Routing::default()), "05 00 00 00 00 00 00");
    for (lacking, expected) in [
        (Lacking::Nothing, "06 00 01 016e 07"),
        (Lacking::App, "06 01 01 016e 07"),
        (Lacking::Function, "06 02 01 016e 07"),
    ] {
        let invalidated = ControlReply::Invalidated { lacking, near: vec!["n".into()], epoch: 7 };
        assert_body(&invalidated, expected);
    }
}
