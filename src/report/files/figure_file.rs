//! Figures as files: SVG or PNG, as their names say.

use std::io;
use std::path::Path;

use crate::report::draw;
use crate::report::draw::chart::Drawing;
use crate::report::files::atomic_file::{is_standard_output, write_atomically};

/// What a figure is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FigureFormat {
    /// Scalable vector graphics, for print and pages.
    Svg,
    /// Portable network graphics, for slides.
    Png,
}

impl FigureFormat {
    /// What the extension of a file says, SVG on stdout; otherwise what to write instead.
    pub fn of(path: &Path) -> Result<Self, String> {
        if is_standard_output(path) {
            return Ok(Self::Svg);
        }
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        match extension.to_ascii_lowercase().as_str() {
            "svg" => Ok(Self::Svg),
            "png" => Ok(Self::Png),
            _ => {
                let svg = path.with_extension("svg");
                let png = path.with_extension("png");
                Err(format!(
                    "figures are SVG or PNG: write {} or {}",
                    svg.display(),
                    png.display()
                ))
            }
        }
    }
}

/// Writes a drawing in the format that the extension says; [`FigureFormat::of`] tells beforehand whether there is one.
pub fn write_figure(path: &Path, drawing: &Drawing) -> io::Result<()> {
    let format = FigureFormat::of(path).map_err(|message| io::Error::new(io::ErrorKind::InvalidInput, message))?;
    let bytes = match format {
        FigureFormat::Svg => draw::to_svg(drawing).into_bytes(),
        FigureFormat::Png => draw::to_png(drawing),
    };
    write_atomically(path, |file| file.write_all(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_says_the_format() {
        let format = |path: &str| FigureFormat::of(Path::new(path));
        assert_eq!(format("a/figure.svg"), Ok(FigureFormat::Svg));
        assert_eq!(format("FIGURE.PNG"), Ok(FigureFormat::Png));
        assert_eq!(
            format("out/figure.jpg").unwrap_err(),
            "figures are SVG or PNG: write out/figure.svg or out/figure.png"
        );
        assert!(format("figure").unwrap_err().contains("write figure.svg"));
    }
}
