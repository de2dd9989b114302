use std::{fs, io::Write};

use flate2::{Compression, write::GzEncoder};

use super::*;

fn read_bytes(bytes: &[u8]) -> Result<Vec<Curve>, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("curves.csv");
    fs::write(&path, bytes).unwrap();
    read(&path, &Columns::default(), ValueRange::PERCENT).map_err(|error| {
        let text = format!("{:#}", anyhow::Error::from(error));
        text.replace(&format!("{}/", folder.path().display()), "")
    })
}

fn points(curve: &Curve) -> Vec<(f64, f64)> {
    let points = curve.observations.iter();
    points
        .map(|point| (point.epoch.get(), point.value))
        .collect()
}

const TEXT: &str =
    "epoch,curve_id,ignored,val_accuracy\n2,b,x,60\n1,a,x,10.5\n0.5,b,x,40\n2,a,,nan\n";

#[test]
fn rows_in_any_order_become_curves_by_epoch() {
    let curves = read_bytes(TEXT.as_bytes()).unwrap();
    let ids: Vec<_> = curves.iter().map(|curve| curve.id.as_str()).collect();
    assert_eq!(ids, ["b", "a"]);
    assert_eq!(points(&curves[0]), [(0.5, 40.0), (2.0, 60.0)]);
    assert!(curves[1].observations[1].value.is_nan());
}

#[test]
fn gzip_is_known_by_its_first_bytes() {
    let mut packed = Vec::new();
    for part in TEXT.split_inclusive('\n') {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(part.as_bytes()).unwrap();
        packed.extend(encoder.finish().unwrap());
    }
    let (plain, unpacked) = (
        read_bytes(TEXT.as_bytes()).unwrap(),
        read_bytes(&packed).unwrap(),
    );
    assert_eq!(format!("{plain:?}"), format!("{unpacked:?}"));
}

#[test]
fn errors_name_file_line_and_column() {
    let after = |rows: &str| read_bytes(format!("curve_id,epoch,val_accuracy\n{rows}").as_bytes());
    for (rows, right) in [
        (
            "a,1,2\na,x,3\n",
            "curves.csv:3: column 2 (`epoch`): must be a number, got `x`",
        ),
        (
            "a,0,2\n",
            "curves.csv:2: column 2 (`epoch`): epoch must be a finite number above 0, got 0",
        ),
        (
            "a,1,\n",
            "curves.csv:2: column 3 (`val_accuracy`): is empty; a number, or nan where the \
             training diverged, would be right",
        ),
        (
            ",1,2\n",
            "curves.csv:2: column 1 (`curve_id`): is empty; a name would be right",
        ),
        (
            "a,1,-1e300\n",
            "curves.csv:2: column 3 (`val_accuracy`): must be from 0 to 100, or nan, got -1e300; \
             --lower and --upper set another range",
        ),
        (
            "a,1,100.5\n",
            "curves.csv:2: column 3 (`val_accuracy`): must be from 0 to 100, or nan, got 100.5; \
             --lower and --upper set another range",
        ),
        (
            "a,1,2\nb,1,2\na,1,3\n",
            "curves.csv:4: column 2 (`epoch`): line 2 has the same epoch of curve `a`",
        ),
        ("", "curves.csv: no curve in it"),
    ] {
        assert_eq!(after(rows).unwrap_err(), right);
    }
    let error = after("a,1,2\na,2\n").unwrap_err();
    let right = "curves.csv:3: 2 columns; 3 would be right, as in the head";
    assert_eq!(error, right);
    let error = read_bytes(b"curve_id,epoch,val_accuracy\na\xff,1,2\n").unwrap_err();
    assert_eq!(error, "curves.csv:2: column 1: must be UTF-8");
    assert_eq!(read_bytes(b"").unwrap_err(), "curves.csv: no curve in it");
    let error = read_bytes(b"curve,epoch,val_accuracy\n").unwrap_err();
    assert_eq!(
        error,
        "curves.csv: no column `curve_id`; the columns are curve, epoch, val_accuracy; \
         --curve-column names another"
    );
    for separator in [";", "\t"] {
        let text = "curve_id,epoch,val_accuracy\na,1,2\n".replace(',', separator);
        let error = read_bytes(text.as_bytes()).unwrap_err();
        assert!(
            error.ends_with("another; commas separate columns"),
            "{error}"
        );
    }
    let error = read_bytes(&[0x1f, 0x8b, 8, 0, 1]).unwrap_err();
    assert!(error.starts_with("cannot read curves.csv: "), "{error}");
}

#[test]
fn a_line_is_told_whatever_ends_lines_and_wherever_they_are_empty() {
    let text = "curve_id,epoch,val_accuracy\n\na,1,2\n\n\na,2,2\n";
    for end in ["\n", "\r\n", "\r"] {
        let curves = read_bytes(text.replace('\n', end).as_bytes()).unwrap();
        assert_eq!(points(&curves[0]), [(1.0, 2.0), (2.0, 2.0)], "{end:?}");
        for (wrong, right) in [
            ("a,x,2", "curves.csv:7: column 2"),
            ("a,x,2\n", "curves.csv:7: column 2"),
            ("a,3\n", "curves.csv:7: 2 columns"),
            ("a,1,3\n", "curves.csv:7: column 2 (`epoch`): line 3 has"),
        ] {
            let text = format!("{text}{wrong}").replace('\n', end);
            let error = read_bytes(text.as_bytes()).unwrap_err();
            assert!(error.starts_with(right), "{end:?}: {error}");
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = read(
        Path::new("no/such.csv"),
        &Columns::default(),
        ValueRange::PERCENT,
    )
    .unwrap_err();
    assert_eq!(error.to_string(), "cannot read no/such.csv");
}

#[test]
fn a_column_tells_how_the_rate_of_a_curve_ran() {
    let read = |rows: &str| {
        let text = format!("curve_id,epoch,val_accuracy,rate\n{rows}");
        let columns = Columns::default().with_schedule(Some("rate".to_owned()));
        let input = std::io::Cursor::new(text.into_bytes());
        parse(
            Path::new("curves.csv"),
            input,
            &columns,
            ValueRange::PERCENT,
        )
    };
    let rows = "a,1,2,\"steps=1,2\"\nb,1,2,\nc,1,2,cosine\na,2,3,\"steps=1,2\"\n";
    let told: Vec<_> = read(rows)
        .unwrap()
        .into_iter()
        .map(|c| c.schedule)
        .collect();
    let told: Vec<_> = told
        .iter()
        .map(|told| told.as_ref().map(ToString::to_string))
        .collect();
    let steps = Some("steps=1,2*0.1".to_owned());
    assert_eq!(told, [steps, None, Some("cosine".to_owned())]);
    for (rows, right) in [
        (
            "a,1,2,linear\n",
            "curves.csv:2: column 4 (`rate`): `linear` is no schedule",
        ),
        (
            "a,1,2,cosine\na,2,3,\n",
            "curves.csv:3: column 4 (`rate`): `` is not what a row above says of curve `a`",
        ),
    ] {
        let error = read(rows).unwrap_err().to_string();
        assert!(error.starts_with(right), "{error}");
    }
    let columns = Columns::default().with_schedule(Some("rate".to_owned()));
    let head = std::io::Cursor::new(b"curve_id,epoch,val_accuracy\n".to_vec());
    let error = parse(Path::new("curves.csv"), head, &columns, ValueRange::PERCENT);
    assert!(error.unwrap_err().to_string().contains("--schedule-column"));
}
